import { Module, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { StatusCode, TtrpcExceptionFilter, type MappedStatus } from 'nestjs-ttrpc';
import { AccountLocked, Accounts } from './accounts.js';
import { BankController } from './bank.controller.js';

/** The rows that this application puts in front of the table of exceptions. */
function map(exception: unknown): MappedStatus | undefined {
  if (!(exception instanceof AccountLocked)) return undefined;
  return { code: StatusCode.PermissionDenied, message: exception.message };
}

@Module({
  controllers: [BankController],
  providers: [
    Accounts,
    { provide: APP_PIPE, useValue: new ValidationPipe() },
    { provide: APP_FILTER, useValue: new TtrpcExceptionFilter({ map }) },
  ],
})
export class ServerModule {}
