import { Controller } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { createObserveModule } from '@nestjs/observe';
import { map, NEVER, of, startWith, throwError, type Observable } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientTtrpc, ServerTtrpc, type TtrpcDuplexCall } from '../../lib/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { all, closeLater, failure, moduleOf, ROOM, type Room, type Text } from '../nest/app.js';
import { Collector, type Snapshot } from './collector.js';

const refused = (): RpcException => new RpcException({ code: 5, message: 'no' });

/** One rpc of each kind; a first message of `fail` fails the call, `hang` leaves it open. */
@Controller()
class Rooms {
  static entered = 0;

  @GrpcMethod('RoomService')
  say({ text }: Text): Observable<Text> {
    return this.answer(text);
  }

  @GrpcMethod('RoomService')
  tell({ text }: Text): Observable<Text> {
    return this.answer(text);
  }

  @GrpcStreamMethod('RoomService')
  join(requests: Observable<Text>): Observable<Text> {
    return requests.pipe(
      map(({ text }) => {
        Rooms.entered += 1;
        if (text === 'fail') throw refused();
        return {};
      }),
    );
  }

  @GrpcStreamCall('RoomService')
  chat(call: TtrpcDuplexCall): void {
    call.on('data', ({ text }: Text) => {
      Rooms.entered += 1;
      if (text === 'fail') call.emit('error', refused());
    });
    call.on('end', () => call.end());
  }

  answer(text: string | undefined): Observable<Text> {
    Rooms.entered += 1;
    if (text === 'fail') return throwError(refused);
    return text === 'hang' ? NEVER : of({});
  }
}

function callsOf(room: Room, text: string): Observable<Text>[] {
  const requests = text === 'hang' ? NEVER.pipe(startWith({ text })) : of({ text });
  return [room.say({ text }), room.tell({ text }), room.join(requests), room.chat(requests)];
}

const METHODS = ['Say', 'Tell', 'Join', 'Chat'].map((name) => `acme.v1.RoomService/${name}`);

/** How often each operation was reported. */
function tally(snapshots: readonly Snapshot[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of snapshots) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

afterEach(() => void vi.useRealTimers());

const SHOWS_SERVERS = 'getRpcTargetRegistry' in ModulesContainer.prototype;

describe.runIf(SHOWS_SERVERS)('@nestjs/observe (needs a Nest that shows it servers)', () => {
  it('reports every call of every kind once: ended, failed, left alone and too late', async () => {
    const collector = new Collector();
    const endpoint = await collector.listen();
    closeLater(collector);
    const { ObserveModule, ObserveInstrument } = createObserveModule();
    const observe = ObserveModule.forRoot({
      appKey: 'key',
      appSecret: 'secret',
      serviceId: 'rooms',
      endpoint,
      flushInterval: 1000,
      outgoing: false,
    });
    const { listen, dial } = createMemoryTransport();
    const app = await NestFactory.createMicroservice(
      moduleOf({ imports: [observe], controllers: [Rooms] }),
      {
        strategy: new ServerTtrpc({ ...ROOM, listen }),
        ...(ObserveInstrument && { instrument: ObserveInstrument }),
        logger: false,
      },
    );
    closeLater(app);
    await app.listen();
    const roomOf = (client: ClientTtrpc): Room => client.getService<Room>('RoomService');
    const client = closeLater(new ClientTtrpc({ ...ROOM, dial }));

    for (const call of callsOf(roomOf(client), 'ok')) await all(call);
    for (const call of callsOf(roomOf(client), 'fail')) {
      expect(await failure(call)).toBe('5 NOT_FOUND: no');
    }
    const hasty = closeLater(new ClientTtrpc({ ...ROOM, dial, timeoutMs: 100 }));
    let before = Rooms.entered;
    // Their time is over when all of them have reached their handlers, not before.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const late = callsOf(roomOf(hasty), 'hang').map((call) => failure(call));
    await expect.poll(() => Rooms.entered - before).toBe(4);
    await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    for (const call of late) expect(await call).toMatch(/^4 DEADLINE_EXCEEDED/);
    const leaving = new ClientTtrpc({ ...ROOM, dial });
    before = Rooms.entered;
    const left = callsOf(roomOf(leaving), 'hang').map((call) => failure(call));
    await expect.poll(() => Rooms.entered - before).toBe(4);
    await leaving.close();
    for (const call of left) expect(await call).toMatch(/closed/);

    await expect
      .poll(() => collector.snapshots.length, { timeout: 9000 })
      .toBeGreaterThanOrEqual(16);
    expect(tally(collector.snapshots)).toEqual(new Map(METHODS.map((name) => [name, 4])));
    expect(new Set(collector.snapshots.map(({ p }) => p))).toEqual(new Set(['TTRPC']));
    expect(new Set(collector.snapshots.map(({ ti }) => ti)).size).toBe(16);
  });
});
