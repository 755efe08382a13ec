import { Module, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { StatusCode, TtrpcExceptionFilter, type TtrpcExceptionFilterOptions } from 'nestjs-ttrpc';
import { AccountLocked, Accounts } from './accounts.js';
import { BankController } from './bank.controller.js';

/** A row that this application puts in front of the table of exceptions. */
const map: TtrpcExceptionFilterOptions['map'] = (exception) =>
  exception instanceof AccountLocked
    ? { code: StatusCode.PermissionDenied, message: exception.message }
    : undefined;

@Module({
  controllers: [BankController],
  providers: [
    Accounts,
    { provide: APP_PIPE, useValue: new ValidationPipe() },
    { provide: APP_FILTER, useValue: new TtrpcExceptionFilter({ map }) },
  ],
})
export class ServerModule {}
