import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { InjectTtrpcService } from 'nestjs-ttrpc';
import type { Observable } from 'rxjs';
import type { Hero, HeroService } from '../hero/hero.js';

/** Serves HTTP, by calls over ttrpc. */
@Controller('heroes')
export class HeroesController {
  constructor(@InjectTtrpcService('hero.HeroService') private readonly heroes: HeroService) {}

  @Get(':id')
  findOne(@Param('id', ParseIntPipe) id: number): Observable<Hero> {
    return this.heroes.findOne({ id }, { timeoutMs: 5000 });
  }
}
