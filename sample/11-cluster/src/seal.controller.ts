import { createHash } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Document, Sealed } from './seal.js';

/** How often it hashes: enough work that the handler, and not the call, is what takes time. */
const TIMES = 200;

@Controller()
export class SealController {
  @GrpcMethod('SealService', 'Seal')
  seal({ text }: Document): Sealed {
    let digest = text;
    for (let left = TIMES; left > 0; left--) {
      digest = createHash('sha256').update(digest).digest('hex');
    }
    return { digest };
  }
}
