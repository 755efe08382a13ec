import { Injectable, Logger } from '@nestjs/common';
import type { Container, SynchronizeRequest } from '../nri.js';

/** The containers that there are. */
@Injectable()
export class Containers {
  private readonly logger = new Logger(Containers.name);
  private readonly names = new Map<string, string>();
  /** Of a synchronisation in several messages. */
  private arrived: Container[] = [];

  /** Takes what the runtime has, once it is all there. */
  synchronize({ containers, more }: SynchronizeRequest): void {
    this.arrived.push(...containers);
    if (more) return;
    this.names.clear();
    for (const { id, name } of this.arrived) this.names.set(id, name);
    this.arrived = [];
    this.logger.log(`synchronised: ${this.names.size} containers`);
  }

  /** The runtime begins anew: what has come of another synchronisation is void. */
  reset(): void {
    this.arrived = [];
  }

  add({ id, name }: Container): void {
    this.names.set(id, name);
  }

  remove({ id, name }: Container): void {
    if (this.names.delete(id)) this.logger.log(`removed ${name}, ${this.names.size} left`);
  }
}
