import { Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { TtrpcExceptionFilter, TtrpcModule } from 'nestjs-ttrpc';
import { CallScopeInterceptor } from '../scope/call-scope.interceptor.js';
import { propagate } from '../scope/propagate.js';
import { STOCK } from '../stock/stock.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [
    TtrpcModule.register({ ...STOCK, interceptors: [propagate], features: ['stock.Stock'] }),
  ],
  controllers: [OrdersController],
  providers: [
    { provide: APP_INTERCEPTOR, useClass: CallScopeInterceptor },
    { provide: APP_FILTER, useClass: TtrpcExceptionFilter },
  ],
})
export class OrdersModule {}
