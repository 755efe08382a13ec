import {
  fromGrpcJs,
  fromTsProto,
  StatusCode,
  StatusError,
  type TtrpcClient,
  type TtrpcServer,
} from 'nestjs-ttrpc/engine';
import { Fault, Hero, HeroById, HeroServiceDefinition, HeroServiceService } from './gen/hero.js';

export const { method: byTsProto } = fromTsProto(HeroServiceDefinition);
export const { method: byGrpcJs } = fromGrpcJs(HeroServiceService);

export const hero = Hero.fromPartial({ id: 1, name: 'Ada', since: new Date(5), motto: 'onward' });

/** Serves the methods; the types of all arguments are inferred. */
export function serve(server: TtrpcServer): void {
  server.addService(fromTsProto(HeroServiceDefinition), {
    count: () => HeroById.fromPartial({ id: 3 }),
    echo: async (request) => ({ ...request, name: request.name.toUpperCase() }),
    getURLInfo: ({ id }) => {
      const fault = Fault.encode({ why: `no hero ${id}` }).finish();
      const details = [{ typeUrl: 'type.googleapis.com/hero.v1.Fault', value: fault }];
      throw new StatusError({ code: StatusCode.NotFound, message: 'gone', details });
    },
    list: function* ({ id }) {
      yield Hero.fromPartial({ id });
      yield hero;
    },
    sum: async (requests) => {
      let id = 0;
      for await (const each of requests) id += each.id;
      return { id };
    },
    talk: async function* (requests) {
      for await (const each of requests) yield { ...each, id: each.id + 1 };
    },
  });
}

/** Calls the methods; the types of all results are inferred. */
export async function callAll(
  client: TtrpcClient,
  { count, echo, list, sum, talk }: typeof byTsProto | typeof byGrpcJs,
) {
  const names: string[] = [];
  for await (const { name } of client.serverStreaming(list, { id: 4 })) names.push(name);
  const ids: number[] = [];
  for await (const { id } of client.bidirectional(talk, [hero, hero])) ids.push(id);
  const { id: counted }: HeroById = await client.unary(count, {});
  const { name, since, motto }: Hero = await client.unary(echo, hero);
  const { id: summed } = await client.clientStreaming(sum, [{ id: 1 }, { id: 2 }]);
  return { counted, echoed: { name, since, motto }, names, summed, ids };
}

/** What the details of an error say. */
export async function faultOf(client: TtrpcClient): Promise<Fault | undefined> {
  try {
    await client.unary(byTsProto.getURLInfo, { id: 5 });
  } catch (error) {
    if (error instanceof StatusError && error.status.details?.[0] !== undefined) {
      return Fault.decode(error.status.details[0].value);
    }
  }
  return undefined;
}

/** What the compiler has to refuse. */
export function refused(server: TtrpcServer, client: TtrpcClient): void {
  // @ts-expect-error a message that lacks fields
  void client.unary(byTsProto.echo, {});
  // @ts-expect-error a message of another type
  void client.unary(byGrpcJs.echo, { id: 1 });
  // @ts-expect-error an unknown method
  server.addService(fromTsProto(HeroServiceDefinition), { gone: () => hero });
  // @ts-expect-error a response of another type
  server.addService(fromTsProto(HeroServiceDefinition), { echo: () => ({ id: 1 }) });
}
