import { Module } from '@nestjs/common';
import { TtrpcModule } from 'nestjs-ttrpc';
import { LOG } from '../log.js';
import { Tour } from './tour.js';

@Module({
  imports: [TtrpcModule.register({ ...LOG, features: ['log.LogService'] })],
  providers: [Tour],
})
export class ClientModule {}
