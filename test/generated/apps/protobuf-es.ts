import * as protobuf from '@bufbuild/protobuf';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, anyUnpack, AnySchema, EmptySchema, type Empty } from '@bufbuild/protobuf/wkt';
import { Controller } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { fromProtobufEs, TtrpcException, type TtrpcDefinitionOptions } from 'nestjs-ttrpc';
import { StatusError, type TtrpcClient, type TtrpcServer } from 'nestjs-ttrpc/engine';
import { concatMap, from, lastValueFrom, map, reduce, toArray, type Observable } from 'rxjs';
import {
  FaultSchema,
  HeroByIdSchema,
  HeroSchema,
  HeroService,
  type Fault,
  type Hero,
  type HeroById,
} from './gen/hero_pb.js';
import { Side } from './gen/shared_pb.js';

export const service = fromProtobufEs(protobuf, HeroService);
export const definitions: TtrpcDefinitionOptions = { services: [service] };

const INIT: MessageInitShape<typeof HeroSchema> = {
  id: 1,
  name: 'Ada',
  bornBefore: -(2n ** 63n),
  side: Side.DARK,
  friends: [{ id: 2 }],
  scores: { chess: 5 },
  weapons: { 1: { name: 'axe' } },
  photo: new Uint8Array([0, 255]),
  title: '',
  home: { case: 'stone', value: { name: 'tower' } },
  since: { seconds: 5n, nanos: 7 },
  traits: { brave: true, likes: ['engines', null] },
  quirk: { kind: { case: 'numberValue', value: 1.5 } },
  motto: 'onward',
};

export const hero: Hero = create(HeroSchema, INIT);

@Controller()
export class HeroController {
  @GrpcMethod('HeroService')
  count(_request: Empty): HeroById {
    return create(HeroByIdSchema, { id: 3 });
  }

  @GrpcMethod('HeroService')
  forget(_request: HeroById): void {}

  @GrpcMethod('HeroService')
  echo(request: Hero): Hero {
    return request;
  }

  @GrpcMethod('HeroService', 'GetURLInfo')
  fail({ id }: HeroById): Hero {
    const fault = create(FaultSchema, { why: `no hero ${id}` });
    throw new TtrpcException({
      code: 'NOT_FOUND',
      message: 'gone',
      details: [anyPack(FaultSchema, fault)],
    });
  }

  @GrpcMethod('HeroService')
  list(_request: HeroById): Observable<Hero> {
    return from([hero, create(HeroSchema, { home: { case: 'town', value: 'London' } })]);
  }

  @GrpcStreamMethod('HeroService')
  sum(requests: Observable<HeroById>): Observable<HeroById> {
    return requests.pipe(
      reduce((sum, { id }) => sum + id, 0),
      map((id) => create(HeroByIdSchema, { id })),
    );
  }

  @GrpcStreamMethod('HeroService')
  talk(requests: Observable<Hero>): Observable<Hero> {
    return requests.pipe(concatMap((each) => [each, { ...each, name: each.$typeName }]));
  }
}

/** What a client of Nest is typed as. */
export interface HeroServiceClient {
  count(request: Empty): Observable<HeroById>;
  forget(request: HeroById): Observable<Empty>;
  echo(request: Hero): Observable<Hero>;
  getUrlInfo(request: HeroById): Observable<Hero>;
  list(request: HeroById): Observable<Hero>;
  sum(requests: Observable<HeroById>): Observable<HeroById>;
  talk(requests: Observable<Hero>): Observable<Hero>;
}

const one = create(HeroByIdSchema, { id: 1 });

/** Calls each method once. */
export async function callAll(heroes: HeroServiceClient) {
  return {
    count: await lastValueFrom(heroes.count(create(EmptySchema))),
    forget: await lastValueFrom(heroes.forget(one)),
    echo: await lastValueFrom(heroes.echo(hero)),
    list: await lastValueFrom(heroes.list(one).pipe(toArray())),
    sum: await lastValueFrom(heroes.sum(from([one, one]))),
    talk: await lastValueFrom(heroes.talk(from([hero])).pipe(toArray())),
  };
}

/** What the details of an error say. */
export async function faultOf(heroes: HeroServiceClient): Promise<Fault | undefined> {
  try {
    await lastValueFrom(heroes.getUrlInfo(one));
  } catch (error) {
    if (error instanceof StatusError && error.status.details?.[0] !== undefined) {
      return anyUnpack(create(AnySchema, error.status.details[0]), FaultSchema);
    }
  }
  return undefined;
}

/** The same in the engine; the types of all arguments and results are inferred. */
export function serve(server: TtrpcServer): void {
  server.addService(service, {
    echo: (request) => ({ ...request, id: request.id + 1 }),
    list: async function* ({ id }) {
      yield create(HeroSchema, { id });
    },
    sum: async (requests) => {
      let id = 0;
      for await (const each of requests) id += each.id;
      return create(HeroByIdSchema, { id });
    },
    talk: async function* (requests) {
      for await (const each of requests) yield each;
    },
  });
}

export async function callEngine(client: TtrpcClient) {
  const { echo, list, sum, talk } = service.method;
  const ids: number[] = [];
  for await (const each of client.serverStreaming(list, one)) ids.push(each.id);
  const bornBefore: bigint[] = [];
  for await (const each of client.bidirectional(talk, [hero])) bornBefore.push(each.bornBefore);
  const echoed: Hero = await client.unary(echo, hero);
  const { id: summed } = await client.clientStreaming(sum, [one, one]);
  return { echoed, bytes: echoed.photo.constructor, ids, summed, bornBefore };
}

/** What the compiler has to refuse. */
export function refused(server: TtrpcServer, client: TtrpcClient): void {
  // @ts-expect-error no message
  void client.unary(service.method.echo, {});
  // @ts-expect-error a message of another type
  void client.unary(service.method.echo, one);
  // @ts-expect-error a response of another type
  server.addService(service, { echo: () => one });
}
