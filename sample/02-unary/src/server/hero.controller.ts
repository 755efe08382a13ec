import { Controller } from '@nestjs/common';
import { GrpcMethod, RpcException } from '@nestjs/microservices';
import { StatusCode } from 'nestjs-ttrpc';
import type { Hero, HeroById, NewHero } from '../hero.js';
import { HeroesRepository } from './heroes.repository.js';

@Controller()
export class HeroController {
  constructor(private readonly heroes: HeroesRepository) {}

  @GrpcMethod('HeroService')
  async findOne({ id }: HeroById): Promise<Hero> {
    const hero = await this.heroes.find(id);
    if (hero !== undefined) return hero;
    throw new RpcException({ code: StatusCode.NotFound, message: `no hero has the id ${id}` });
  }

  @GrpcMethod('HeroService')
  create({ name }: NewHero): Promise<Hero> {
    return this.heroes.add(name);
  }

  /** Answers with an empty message. */
  @GrpcMethod('HeroService')
  retire({ id }: HeroById): Promise<void> {
    return this.heroes.remove(id);
  }
}
