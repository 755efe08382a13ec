import { Injectable } from '@nestjs/common';
import { InjectTtrpcService } from 'nestjs-ttrpc';
import { firstValueFrom, of } from 'rxjs';
import { HERO_SERVICE_NAME, type HeroServiceClient } from '../generated/hero.js';

@Injectable()
export class Tour {
  constructor(@InjectTtrpcService(HERO_SERVICE_NAME) private readonly heroes: HeroServiceClient) {}

  async run(): Promise<void> {
    console.log('findOne:', await firstValueFrom(this.heroes.findOne({ id: 1 })));
    await this.heroes
      .findMany(of({ id: 2 }, { id: 3 }))
      .forEach(({ firstName }) => console.log('findMany:', firstName));
  }
}
