import { Controller, type Type } from '@nestjs/common';
import {
  EventPattern,
  GrpcMethod,
  GrpcService,
  GrpcStreamCall,
  GrpcStreamMethod,
  MessagePattern,
  Transport,
} from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../lib/index.js';
import type { MethodDefinition } from '../../lib/rpc/method-definition.js';
import type { NamedService } from '../../lib/nest/definitions.js';
import {
  bindHandlers,
  methodPattern,
  type RegisteredHandler,
} from '../../lib/nest/handler-binding.js';
import { all, failure, type Room, start, startInMemory, type Text } from './app.js';

interface Names {
  getUrlInfo(request: Text): Observable<Text>;
  leave(request: Text): Observable<Text>;
  nothing(request: object): Observable<object>;
}

/** A controller whose `say` is bound by `decorator`. */
function saying(decorator: MethodDecorator): Type {
  @Controller()
  class RoomService {
    @decorator
    say(): Text {
      return { text: 'said' };
    }
  }
  return RoomService;
}

/** A service of one package among several that have it, with a method `Say`. */
function twin(name: string): NamedService {
  const methods = [{ service: name, name: 'Say', kind: 'unary' } as MethodDefinition];
  return { definition: { name, methods }, names: ['Room', name] };
}

describe('bindHandlers', () => {
  it.each<[string, MethodDecorator]>([
    ['its names by default', GrpcMethod()],
    ['a service relative to the package', GrpcMethod('RoomService')],
    ['a full service name', GrpcMethod('acme.v1.RoomService')],
    ['the name of the rpc', GrpcMethod('RoomService', 'Say')],
    ['the rpc in camel case', GrpcMethod('RoomService', 'say')],
    [
      'a pattern of its own',
      MessagePattern({ service: 'RoomService', rpc: 'Say', streaming: 'no_stream' }),
    ],
    [
      'one of several patterns',
      MessagePattern([{ service: 'RoomService', rpc: 'Say', streaming: 'no_stream' }, 'other']),
    ],
  ])('binds a handler by %s', async (_, decorator) => {
    const { room, logger } = await startInMemory([saying(decorator)]);
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    expect(logger.errors).toEqual([]);
  });

  it.each<[string | string[] | undefined, string]>([
    ['acme', 'v1.RoomService'],
    ['acme', 'acme.v1.RoomService'],
    ['acme', 'RoomService'],
    [undefined, 'acme.v1.RoomService'],
    [undefined, 'RoomService'],
    [['acme.v1', 'acme'], 'RoomService'],
  ])('binds under package %o by the service name %s', async (name, service) => {
    const { room, logger } = await startInMemory([saying(GrpcMethod(service, 'Say'))], {
      options: { package: name },
    });
    expect(await all(room.say({}))).toEqual([{ text: 'said' }]);
    expect(logger.errors).toEqual([]);
  });

  it('binds a bare name to the services of every package, save for those named in full', () => {
    const services = ['v1', 'v2', 'v3'].map((version) => twin(`acme.${version}.Room`));
    const handlerOf = (service: string) => {
      const pattern = { service, rpc: 'Say', streaming: 'no_stream' } as const;
      return { pattern, handler: async () => service } as unknown as RegisteredHandler;
    };
    const bare = handlerOf('Room');
    const full = handlerOf('acme.v2.Room');
    for (const handlers of [
      [bare, full],
      [full, bare],
    ]) {
      const { bound, faults, gaps } = bindHandlers(services, handlers);
      const pairs = bound.map(({ method, handler }) => [method.service, handler]);
      expect(Object.fromEntries(pairs)).toEqual({
        'acme.v1.Room': bare.handler,
        'acme.v2.Room': full.handler,
        'acme.v3.Room': bare.handler,
      });
      expect([faults, gaps]).toEqual([[], []]);
    }
    expect(bindHandlers(services, [bare, bare]).faults).toHaveLength(3);
  });

  it('binds every kind, and names of every spelling', async () => {
    @GrpcService()
    class NameService {
      @GrpcMethod('NameService', 'getUrlInfo')
      getUrlInfo({ text }: Text): Text {
        return { text: `info ${text}` };
      }

      @GrpcMethod('NameService', 'leave')
      depart(): Text {
        return { text: 'left' };
      }

      @GrpcMethod('NameService')
      nothing(): void {}
    }
    @Controller()
    class Streams {
      @GrpcStreamMethod('RoomService')
      join(requests: Observable<Text>): Observable<Text> {
        return requests;
      }

      @GrpcStreamMethod('RoomService', 'chat')
      talk(requests: Observable<Text>): Observable<Text> {
        return requests;
      }
    }
    const { client, room, logger } = await startInMemory([NameService, Streams]);
    const names = client.getService<Names>('NameService');
    expect(await all(names.getUrlInfo({ text: 'a' }))).toEqual([{ text: 'info a' }]);
    expect(await all(names.leave({}))).toEqual([{ text: 'left' }]);
    expect(await all(names.nothing({}))).toEqual([{}]);
    expect(await all(room.join([{ text: 'a' }]))).toEqual([{ text: 'a' }]);
    expect(await all(room.chat([{ text: 'a' }]))).toEqual([{ text: 'a' }]);
    expect(logger.errors).toEqual([]);
  });

  it('binds what ts-proto generates', async () => {
    function RoomServiceControllerMethods(): ClassDecorator {
      return ({ prototype }: { prototype: object }) => {
        const decorators = { say: GrpcMethod, tell: GrpcMethod, join: GrpcStreamMethod };
        for (const [method, decorator] of Object.entries(decorators)) {
          const descriptor = Reflect.getOwnPropertyDescriptor(prototype, method);
          if (descriptor === undefined) throw new Error(method);
          decorator('RoomService', method)(descriptor.value as object, method, descriptor);
          Object.defineProperty(prototype, method, descriptor);
        }
      };
    }
    @Controller()
    @RoomServiceControllerMethods()
    class Generated {
      say({ text }: Text): Text {
        return { text: `said ${text}` };
      }

      tell({ text }: Text): Text[] {
        return [{ text: `told ${text}` }];
      }

      join(requests: Observable<Text>): Observable<Text> {
        return requests;
      }
    }
    const { room } = await startInMemory([Generated]);
    expect(await all(room.say({ text: 'a' }))).toEqual([{ text: 'said a' }]);
    expect(await all(room.tell({ text: 'a' }))).toEqual([{ text: 'told a' }]);
    expect(await all(room.join([{ text: 'a' }, { text: 'b' }]))).toEqual([{ text: 'b' }]);
  });

  it('leaves what is for other transports, and events', async () => {
    @Controller()
    class Others {
      @MessagePattern('plain')
      plain(): void {}

      @MessagePattern({ cmd: 'sum' }, Transport.TCP)
      sum(): void {}

      @MessagePattern({ service: 'RoomService', rpc: 'Say', streaming: 'other' })
      other(): void {}

      @EventPattern({ service: 'RoomService', rpc: 'Say', streaming: 'no_stream' })
      event(): void {}
    }
    const { room, logger } = await startInMemory([Others]);
    expect(await failure(room.say({}))).toBe('12 UNIMPLEMENTED: service acme.v1.RoomService');
    expect(logger.errors).toEqual([]);
  });

  describe('reports at start', () => {
    @Controller()
    class Wrong {
      @GrpcMethod('RomService', 'Say')
      service(): void {}

      @GrpcMethod('RoomService', 'Saay')
      rpc(): void {}

      @GrpcMethod('RoomService', 'Join')
      one(): void {}

      @GrpcStreamCall('RoomService', 'Tell')
      many(): void {}
    }
    const FAULTS = [
      'handler RomService.Say: no such service; did you mean RoomService',
      'handler RoomService.Saay: no such method of acme.v1.RoomService; did you mean Say',
      'handler RoomService.Join: /acme.v1.RoomService/Join needs @GrpcStreamMethod or @GrpcStreamCall, since it takes a stream',
      'handler RoomService.Tell: /acme.v1.RoomService/Tell needs @GrpcMethod, since it takes one request',
    ];

    it('handlers of no method and of the wrong kind, naming the nearest', async () => {
      const { logger } = await startInMemory([Wrong]);
      expect(logger.errors).toHaveLength(FAULTS.length);
      FAULTS.forEach((fault, index) => expect(logger.errors[index]).toContain(fault));
    });

    it('methods without a handler', async () => {
      const { logger, room } = await startInMemory([saying(GrpcMethod('RoomService'))]);
      expect(logger.warnings).toEqual([
        'acme.v1.RoomService: no handler for Tell, Join, Chat',
        'acme.v1.NameService: no handler for GetURLInfo, leave, Nothing',
      ]);
      expect(logger.errors).toEqual([]);
      expect(await failure(room.tell({}))).toBe('12 UNIMPLEMENTED: method Tell');
    });

    it('a method that has two handlers, of which the last serves it', async () => {
      @Controller()
      class Second {
        @GrpcMethod('acme.v1.RoomService')
        say(): Text {
          return { text: 'second' };
        }
      }
      const { logger, room } = await startInMemory([saying(GrpcMethod()), Second]);
      expect(logger.errors).toEqual([
        'handler acme.v1.RoomService.Say: /acme.v1.RoomService/Say has a handler already; the last one serves it',
      ]);
      expect(await all(room.say({}))).toEqual([{ text: 'second' }]);
    });

    it('all of it as one error when the server is strict', async () => {
      const strict = start([Wrong], { options: { strict: true } });
      const error = await strict.then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect(error).toBeInstanceOf(UsageError);
      expect((error as Error).message).toMatch(/^handlers and methods do not match: /);
      for (const fault of FAULTS) expect((error as Error).message).toContain(fault);
      expect((error as Error).message).toContain('RoomService: no handler for Say, Tell, Join');
    });
  });

  it('serves under strict when all fits', async () => {
    @Controller()
    class Whole implements Record<keyof Room, unknown> {
      @GrpcMethod('RoomService')
      say(): Text {
        return {};
      }
      @GrpcMethod('RoomService')
      tell(): Text[] {
        return [];
      }
      @GrpcStreamMethod('RoomService')
      join(): void {}
      @GrpcStreamCall('RoomService')
      chat(): void {}
      @GrpcMethod('NameService')
      getURLInfo(): void {}
      @GrpcMethod('NameService')
      leave(): void {}
      @GrpcMethod('NameService')
      nothing(): void {}
    }
    const { room } = await startInMemory([Whole], { options: { strict: true } });
    expect(await all(room.say({}))).toEqual([{}]);
  });
});

describe('methodPattern', () => {
  it.each([
    undefined,
    null,
    'text',
    7,
    {},
    { service: 'A', rpc: 'B' },
    { service: 'A', rpc: 'B', streaming: 'both' },
    { service: 1, rpc: 'B', streaming: 'no_stream' },
    { service: 'A', rpc: null, streaming: 'no_stream' },
  ])('takes %o for no method', (pattern) => {
    expect(methodPattern(pattern)).toBeUndefined();
  });

  it.each(['no_stream', 'rx_stream', 'pt_stream'] as const)(
    'reads a pattern of %s',
    (streaming) => {
      const pattern = { service: 'A', rpc: 'B', streaming };
      expect(methodPattern({ ...pattern, more: true })).toEqual(pattern);
    },
  );
});
