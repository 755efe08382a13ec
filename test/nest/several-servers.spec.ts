import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import { NEVER, startWith, tap, type Observable } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { ServerTtrpc, TtrpcMethod } from '../../lib/index.js';
import {
  all,
  closeLater,
  connect,
  failure,
  ROOM,
  signal,
  socketPath,
  type Room,
  type Text,
} from './app.js';

@Controller()
class Rooms {
  @GrpcMethod('RoomService')
  say({ text = '' }: Text): Text {
    return { text: `${text}!` };
  }

  @TtrpcMethod('RoomService')
  tell(): Observable<Text> {
    return NEVER.pipe(startWith({ text: 'told' }));
  }
}

@Module({ controllers: [Rooms] })
class RoomsModule {}

it('serves one application at two addresses, each with its own hooks, and ends with it', async () => {
  const app = closeLater(await NestFactory.create(RoomsModule, { logger: false }));
  const servers = [0, 1].map(() => {
    const url = `unix://${socketPath()}`;
    const hook = vi.fn((_id: unknown, _context: unknown, done: () => unknown) => done());
    const server = new ServerTtrpc({ ...ROOM, url });
    server.setOnProcessingStartHook(hook);
    app.connectMicroservice({ strategy: server });
    return { url, server, hook, room: connect(url).getService<Room>('RoomService') };
  });
  await app.startAllMicroservices();
  for (const { room, hook } of servers) {
    expect(await all(room.say({ text: 'hi' }))).toEqual([{ text: 'hi!' }]);
    expect(hook).toHaveBeenCalledOnce();
  }

  // One of them may go, and come back, under the other.
  const [first, second] = servers as [(typeof servers)[0], (typeof servers)[0]];
  await first.server.close();
  expect(await all(second.room.say({}))).toEqual([{ text: '!' }]);
  await new Promise((resolve) => first.server.listen(resolve));
  expect(await all(first.room.say({}))).toEqual([{ text: '!' }]);

  const begun = servers.map(() => signal());
  const ends = servers.map(async ({ room }, index) =>
    failure(room.tell({}).pipe(tap(() => begun[index]?.resolve()))),
  );
  await Promise.all(begun.map(({ promise }) => promise));
  const closed = app.close();
  for (const end of ends) expect(await end).toMatch(/^connection (closed by the peer|lost)/);
  await closed;
});
