import { Controller } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import {
  HeroServiceControllerMethods,
  type Hero,
  type HeroById,
  type HeroServiceController,
} from '../generated/hero.js';

/** The generated decorator is the same as for Nest's gRPC transport, and so is the interface. */
@Controller()
@HeroServiceControllerMethods()
export class HeroController implements HeroServiceController {
  findOne({ id }: HeroById): Hero {
    return { id, firstName: `hero ${id}`, powers: [] };
  }

  findMany(requests: Observable<HeroById>): Observable<Hero> {
    return requests.pipe(map((request) => this.findOne(request)));
  }
}
