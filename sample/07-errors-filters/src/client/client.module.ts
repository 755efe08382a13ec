import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { BANK } from '../bank.js';
import { Tour } from './tour.js';

@Module({
  imports: [TtrpcModule.register({ ...BANK, features: ['bank.Bank'] })],
  providers: [Tour],
})
export class ClientModule {}
