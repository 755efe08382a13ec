import { Injectable } from '@nestjs/common';
import { InjectTtrpcService, isTtrpcError, statusName } from 'nestjs-ttrpc';
import { firstValueFrom } from 'rxjs';
import type { HeroService } from './hero.service.js';

@Injectable()
export class Tour {
  constructor(@InjectTtrpcService('hero.HeroService') private readonly heroes: HeroService) {}

  async run(): Promise<void> {
    // Nothing is sent before somebody subscribes.
    const findNewcomer = this.heroes.findOne({ id: 2 });
    await this.show('nobody has the id 2', findNewcomer);
    await this.show('create', this.heroes.create({ name: 'Grace' }));
    // Subscribing again calls again.
    await this.show('the same call, again', findNewcomer);
    await this.show('retire', this.heroes.retire({ id: 2 }, { timeoutMs: 5000 }));
    await this.show('gone', findNewcomer);
  }

  private async show(what: string, call: ReturnType<HeroService['retire']>): Promise<void> {
    try {
      console.log(`${what}: ${JSON.stringify(await firstValueFrom(call))}`);
    } catch (error) {
      if (!isTtrpcError(error)) throw error;
      console.log(`${what}: ${statusName(error.code)}, ${error.details}`);
    }
  }
}
