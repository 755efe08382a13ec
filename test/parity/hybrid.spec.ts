import {
  Controller,
  Get,
  Inject,
  Module,
  type ArgumentMetadata,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  BaseRpcExceptionFilter,
  GrpcMethod,
  GrpcStreamMethod,
  type ClientGrpc,
} from '@nestjs/microservices';
import { from, map, of, tap, throwError, toArray, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { all, CLIENT, closeLater, ending, newUrl, startHybrid } from './application.js';
import type { Kinds, Text } from './kinds.js';
import { HEROES, KINDS, TRANSPORTS } from './transports.js';

interface Hero {
  readonly id: number;
  readonly name?: string;
}

interface Heroes {
  findOne(request: Hero): Observable<Hero>;
  findMany(requests: Observable<Hero>): Observable<Hero>;
}

const NAMES = ['Ada', 'Grace'];

@Controller('hero')
class HeroController {
  readonly #heroes: Heroes;

  constructor(@Inject(CLIENT) client: ClientGrpc) {
    this.#heroes = client.getService<Heroes>('Heroes');
  }

  @Get()
  many(): Observable<Hero[]> {
    return this.#heroes.findMany(from([{ id: 1 }, { id: 2 }])).pipe(toArray());
  }

  @Get('first')
  first(): Observable<Hero> {
    return this.#heroes.findOne({ id: 1 });
  }

  @GrpcMethod('Heroes')
  findOne({ id }: Hero): Hero {
    return { id, name: NAMES[id - 1] ?? 'nobody' };
  }

  @GrpcStreamMethod('Heroes')
  findMany(requests: Observable<Hero>): Observable<Hero> {
    return requests.pipe(map((request) => this.findOne(request)));
  }
}

@Controller()
class Echoing {
  @GrpcMethod('Kinds')
  one(text: Text): Text {
    return text;
  }
}

/** Puts one of everything around all handlers of an application. */
function putAround(app: INestApplication, log: string[]): void {
  class Translating extends BaseRpcExceptionFilter {
    override catch(): Observable<never> {
      log.push('filter');
      return throwError(() => ({ code: 9, message: 'translated' }));
    }
  }
  app.useGlobalGuards({ canActivate: () => log.push('guard') > 0 });
  app.useGlobalInterceptors({
    intercept: (_context: ExecutionContext, next: CallHandler) =>
      next.handle().pipe(tap({ error: () => log.push('interceptor') })),
  });
  app.useGlobalPipes({
    transform: (value: unknown, { type }: ArgumentMetadata) => {
      if (type !== 'body') return value;
      log.push('pipe');
      throw new Error('refused');
    },
  });
  app.useGlobalFilters(new Translating());
}

describe.each(TRANSPORTS)('a hybrid application with HTTP and $name', (transport) => {
  it('(22) answers HTTP with one message of its own microservice', async () => {
    const { get } = await startHybrid(transport, HEROES, [HeroController]);
    expect(await get('/hero/first')).toEqual({ id: 1, name: 'Ada' });
  });

  it('(23) answers HTTP with a stream of messages of its own microservice', async () => {
    const { get } = await startHybrid(transport, HEROES, [HeroController]);
    expect(await get('/hero')).toEqual([
      { id: 1, name: 'Ada' },
      { id: 2, name: 'Grace' },
    ]);
  });

  it('(24) leaves no listener of signals behind when it is closed', async () => {
    const count = (): number => process.listenerCount('SIGUSR2');
    const before = count();
    const { app } = await startHybrid(transport, HEROES, [HeroController], {
      prepare: (hybrid) => hybrid.enableShutdownHooks(['SIGUSR2']),
    });
    expect(count()).toBeGreaterThan(before);
    await app.close();
    expect(count()).toBe(before);
  });

  it.each([
    ['(25) has what is around all its handlers in the microservice too, if it inherits', true],
    ['(25) has nothing around the handlers of a microservice that does not inherit', false],
  ])('%s', async (_, inheritAppConfig) => {
    const log: string[] = [];
    const { client } = await startHybrid(transport, KINDS, [Echoing], {
      hybrid: { inheritAppConfig },
      prepare: (app) => putAround(app, log),
    });
    const ended = await ending(client.getService<Kinds>('Kinds').one({}));
    expect(ended).toBe(inheritAppConfig ? '9 FAILED_PRECONDITION: translated' : 'OK');
    expect(log).toEqual(inheritAppConfig ? ['guard', 'pipe', 'interceptor', 'filter'] : []);
  });
});

describe('a hybrid application with both transports at once', () => {
  it('serves the same controllers over each, with the same arguments and results', async () => {
    const given: string[] = [];
    @Controller('both')
    class Both {
      @Get()
      overHttp(): Text {
        return { text: 'HTTP' };
      }

      @GrpcMethod('Kinds')
      one(text: Text, ...rest: unknown[]): Text {
        given.push([text.text, rest.length].join(' '));
        return { text: `one ${text.text}` };
      }

      @GrpcMethod('Kinds')
      many(): Observable<Text> {
        return of({ number: 1 }, { number: 2 });
      }

      @GrpcStreamMethod('Kinds')
      collect(requests: Observable<Text>, ...rest: unknown[]): Observable<Text> {
        given.push(['collect', rest.length].join(' '));
        return requests.pipe(
          toArray(),
          map(({ length }) => ({ number: length })),
        );
      }

      @GrpcStreamMethod('Kinds')
      chat(requests: Observable<Text>): Observable<Text> {
        return requests;
      }
    }
    @Module({ controllers: [Both] })
    class BothModule {}

    const app = closeLater(await NestFactory.create(BothModule, { logger: false }));
    const places = TRANSPORTS.map((transport) => {
      const place = { ...KINDS, url: newUrl() };
      app.connectMicroservice(transport.server(place));
      return { transport, place };
    });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');

    const results = [];
    for (const { transport, place } of places) {
      const client = new transport.clientClass(place);
      closeLater({ close: async () => client.close() });
      const { one, many, collect, chat } = client.getService<Kinds>('Kinds');
      results.push([
        await all(one({ text: 'a' })),
        await all(many({})),
        await all(collect(of({}, {}))),
        await all(chat(of({ text: 'b' }, { text: 'c' }))),
        await ending(client.getService<Kinds>('Kinds').ping({})).then((text) => text.slice(0, 16)),
      ]);
    }
    expect(results[0]).toEqual([
      [{ text: 'one a' }],
      [{ number: 1 }, { number: 2 }],
      [{ number: 2 }],
      [{ text: 'b' }, { text: 'c' }],
      '12 UNIMPLEMENTED',
    ]);
    expect(results[1]).toEqual(results[0]);
    expect(given).toEqual(['a 2', 'collect 2', 'a 2', 'collect 2']);
    const response = await fetch(`${await app.getUrl()}/both`);
    expect(await response.json()).toEqual({ text: 'HTTP' });
  });
});
