import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { TtrpcHealth } from 'nestjs-ttrpc';

@Controller()
export class HeroController {
  constructor(private readonly health: TtrpcHealth) {
    health.set('hero.HeroService', 'SERVING');
  }

  @GrpcMethod('HeroService')
  count(): { count: number } {
    return { count: 3 };
  }

  /** What the loss of its database would make it do. */
  fallIll(): void {
    this.health.set('hero.HeroService', 'NOT_SERVING');
  }
}
