import { Server, ServerGrpc } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { ServerTtrpc } from '../../lib/index.js';
import { ServerBase } from '../../lib/nest/grpc-shim.js';
import { ROOM } from './app.js';

const server = new ServerTtrpc({ ...ROOM, url: 'unix:///run/never.sock' });

/** A plain server of Nest's, to compare with. */
class PlainServer extends Server {
  on(): void {}
  unwrap<T>(): T {
    return undefined as T;
  }
  listen(): void {}
  close(): void {}
}

function chainOf(object: object): object[] {
  const chain: object[] = [];
  for (
    let next = Object.getPrototypeOf(object) as object | null;
    next !== null;
    next = Object.getPrototypeOf(next) as object | null
  ) {
    chain.push(next);
  }
  return chain;
}

describe('ServerBase', () => {
  it('is taken for a ServerGrpc and for a Server', () => {
    expect(server).toBeInstanceOf(ServerGrpc);
    expect(server).toBeInstanceOf(Server);
    expect(server).toBeInstanceOf(ServerTtrpc);
    expect(server.constructor).toBe(ServerTtrpc);
  });

  it('inherits no method and no getter of ServerGrpc', () => {
    const names = Reflect.ownKeys(ServerGrpc.prototype).filter((name) => name !== 'constructor');
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const theirs = Object.getOwnPropertyDescriptor(ServerGrpc.prototype, name);
      const holder = chainOf(server).find((link) => Object.hasOwn(link, name)) as object;
      const ours = Object.getOwnPropertyDescriptor(holder, name);
      expect(holder, String(name)).not.toBe(ServerGrpc.prototype);
      expect([ours?.value, ours?.get], String(name)).not.toEqual([theirs?.value, theirs?.get]);
    }
  });

  it("has Server's own members where ServerGrpc has its own", () => {
    const prototype = ServerBase.prototype as unknown as Record<string, unknown>;
    const plain = Server.prototype as unknown as Record<string, unknown>;
    expect(prototype['addHandler']).toBe(plain['addHandler']);
    expect(Object.getOwnPropertyDescriptor(ServerBase.prototype, 'status')).toEqual(
      Object.getOwnPropertyDescriptor(Server.prototype, 'status'),
    );
    expect(prototype['createServices']).toBeUndefined();
    expect(prototype['bindEvents']).toBeUndefined();
  });

  it('has the fields of Server and none of ServerGrpc', () => {
    expect(Object.keys(server).toSorted()).toEqual(Object.keys(new PlainServer()).toSorted());
  });

  it('lets a ServerGrpc that was made before go on', async () => {
    const grpc = new ServerGrpc({
      url: '127.0.0.1:0',
      package: ROOM.package,
      protoPath: ROOM.protoPath,
    });
    const later = new ServerTtrpc({ ...ROOM, url: 'unix:///run/never.sock' });
    expect(later).toBeInstanceOf(ServerGrpc);
    const error = await new Promise<unknown>((resolve) => {
      void grpc.listen((failed?: unknown) => resolve(failed));
    });
    expect(error).toBeUndefined();
    await grpc.close();
  });
});
