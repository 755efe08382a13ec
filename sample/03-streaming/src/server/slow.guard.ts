import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type CanActivate } from '@nestjs/common';

/** Asks somebody who takes his time. The messages of a stream wait for the handler meanwhile. */
@Injectable()
export class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await sleep(20);
    return true;
  }
}
