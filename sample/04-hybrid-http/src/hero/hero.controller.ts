import { Controller, NotFoundException } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Hero, HeroById } from './hero.js';

const HEROES: readonly Hero[] = [{ id: 1, name: 'Ada' }];

/** Serves ttrpc. */
@Controller()
export class HeroController {
  @GrpcMethod('HeroService')
  findOne({ id }: HeroById): Hero {
    const hero = HEROES.find((candidate) => candidate.id === id);
    if (hero === undefined) throw new NotFoundException(`no hero has the id ${id}`);
    return hero;
  }
}
