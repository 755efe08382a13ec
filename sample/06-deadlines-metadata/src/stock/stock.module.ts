import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TtrpcExceptionFilter } from 'nestjs-ttrpc';
import { Journal } from './journal.js';
import { StockController } from './stock.controller.js';

@Module({
  controllers: [StockController],
  providers: [Journal, { provide: APP_FILTER, useClass: TtrpcExceptionFilter }],
})
export class StockModule {}
