import { Controller } from '@nestjs/common';
import { GrpcMethod, RpcException } from '@nestjs/microservices';
import { StatusCode } from 'nestjs-ttrpc';
import type { Hero, HeroById } from './hero.js';

const HEROES: readonly Hero[] = [{ id: 1, name: 'Ada' }];

/** Knows neither of the two transports. */
@Controller()
export class HeroController {
  @GrpcMethod('HeroService')
  findOne({ id }: HeroById): Hero {
    const hero = HEROES.find((candidate) => candidate.id === id);
    if (hero !== undefined) return hero;
    throw new RpcException({ code: StatusCode.NotFound, message: `no hero has the id ${id}` });
  }
}
