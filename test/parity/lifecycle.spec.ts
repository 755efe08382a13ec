import { Controller, type INestMicroservice } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, type Server } from '@nestjs/microservices';
import { NEVER, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { all, newUrl, signal, start, turn, type Wishes } from './application.js';
import { recorded, type DifferenceId } from './differences.js';
import { KINDS_SERVICE, type Kinds, type Text } from './kinds.js';
import { KINDS, TRANSPORTS, type ParityTransport, type Place } from './transports.js';

/** Serves one call that waits until it is let go, and one that never ends. */
async function serve(transport: ParityTransport, wishes: Wishes = {}) {
  const began = signal();
  const go = signal<Text>();
  @Controller()
  class Slow {
    @GrpcMethod('Kinds')
    one(): Promise<Text> {
      began.resolve();
      return go.promise;
    }

    @GrpcStreamMethod('Kinds')
    chat(_requests: Observable<Text>): Observable<Text> {
      began.resolve();
      return NEVER;
    }
  }
  return { began, go, ...(await start(transport, KINDS, [Slow], wishes)) };
}

/** Why an application does not start. */
async function refusalOf(transport: ParityTransport, place: Partial<Place>): Promise<string> {
  try {
    // The client of the test's module would refuse the definition first.
    await start(transport, KINDS, [], { serverPlace: place });
    return 'it starts';
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

describe.each(TRANSPORTS)('an application over $name', (transport) => {
  it('gives by listen() what is recorded', async () => {
    const { listened, place } = await serve(transport);
    const given = listened === place.url ? 'the address' : String(listened);
    expect(given).toBe(recorded('listened', transport));
  });

  it('does not start where the address can not be had', async () => {
    const { place } = await serve(transport);
    for (const url of [place.url, 'unix:///missing/folder/app.sock']) {
      expect(await refusalOf(transport, { url })).not.toBe('it starts');
    }
  });

  it.each<[string, Partial<Place>, DifferenceId]>([
    ['a package that there is not', { package: 'kind' }, 'unknown-package'],
    ['a .proto file that there is not', { protoPath: '/missing.proto' }, 'missing-proto'],
  ])('does not start with %s', async (_, place, id) => {
    expect(await refusalOf(transport, place)).toBe(recorded(id, transport));
  });

  it('reads the .proto files of a client when it is recorded', () => {
    const options = { ...KINDS, protoPath: '/missing.proto', url: newUrl() };
    const made = (): object => new transport.clientClass(options);
    const use = (): object => new transport.clientClass(options).getService('Kinds');
    expect(use).toThrow();
    const early = recorded('client-reads', transport) === 'when it is made';
    if (early) expect(made).toThrow();
    else expect(made).not.toThrow();
  });

  it('lets calls end when it is closed gracefully', async () => {
    const { app, raw, began, go } = await serve(transport, { place: { gracefulShutdown: true } });
    const log: string[] = [];
    const call = raw.open(KINDS_SERVICE, 'One', { request: {} });
    await began.promise;
    const closed = app.close().then(() => log.push('closed'));
    const ended = call.ended.then((status) => log.push(`call ${status}`));
    await turn();
    expect(log).toEqual([]);
    go.resolve({ text: 'late' });
    await Promise.all([closed, ended]);
    expect(log).toContain('call OK');
    expect(call.received).toEqual([{ text: 'late' }]);
  });

  it('waits for calls that do not end as recorded when it is closed gracefully', async () => {
    const place = { gracefulShutdown: true, graceMs: 20 };
    const { app, raw, began } = await serve(transport, { place });
    const log: string[] = [];
    const call = raw.open(KINDS_SERVICE, 'Chat');
    call.send({});
    await began.promise;
    const closed = app.close().then(() => log.push('closed'));
    if (recorded('grace', transport) === 'as long as they last') {
      await turn();
      log.push('cancelled');
      call.cancel();
    }
    await closed;
    const forEver = log[0] === 'cancelled';
    expect(forEver ? 'as long as they last' : 'for graceMs').toBe(recorded('grace', transport));
  });

  it.each([
    ['One', { request: {} }],
    ['Chat', {}],
  ])('ends calls as recorded when it is closed at once: %s', async (method, options) => {
    const { app, raw, began } = await serve(transport);
    const call = raw.open(KINDS_SERVICE, method, options);
    call.send({});
    await began.promise;
    await app.close();
    const expected = recorded('closed-server', transport);
    expect((await call.ended).slice(0, expected.length)).toBe(expected);
  });

  it('may be closed twice, and before it listens', async () => {
    const { app } = await serve(transport);
    await app.close();
    await app.close();
    const unborn = serverOf(app);
    await unborn.close();
  });

  it.each<[DifferenceId, string, (server: Server) => unknown]>([
    ['server-status', 'tells', (server) => server.status],
    ['server-on', 'tells', (server) => server.on('connect' as never, (() => {}) as never)],
    ['server-unwrap', "gives the engine's server", (server) => server.unwrap()],
  ])('can do as recorded: %s', async (id, done, act) => {
    const { app } = await serve(transport);
    let told = done;
    try {
      act(serverOf(app));
    } catch {
      told = 'refused';
    }
    expect(told).toBe(recorded(id, transport));
  });

  it('serves again where one was closed before', async () => {
    const { app, place, go } = await serve(transport);
    go.resolve({ text: 'first' });
    await app.close();
    const again = await serve(transport, { place });
    again.go.resolve({ text: 'again' });
    const { one } = again.client.getService<Kinds>('Kinds');
    expect(await all(one({}))).toEqual([{ text: 'again' }]);
  });
});

/** The transport's own server, around which Nest has put nothing. */
function serverOf(app: INestMicroservice): Server {
  return (app as unknown as { getTransportServer(): Server }).getTransportServer();
}
