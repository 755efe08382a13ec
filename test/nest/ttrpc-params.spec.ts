import { Controller, type PipeTransform } from '@nestjs/common';
import { Ctx, GrpcMethod, GrpcStreamCall, GrpcStreamMethod, Payload } from '@nestjs/microservices';
import { lastValueFrom, map, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  Metadata,
  TtrpcCall,
  TtrpcDuplexCall,
  TtrpcMetadata,
  TtrpcServerCall,
  type TtrpcContext,
} from '../../lib/index.js';
import { all, startInMemory, type Text } from './app.js';

const ADA = { metadata: { user: ['ada', 'eve'] }, timeoutMs: 5000 };

/** What a handler says of its call. */
function facts(call: TtrpcContext, metadata: Metadata, user: string | undefined): Text {
  expect(call.metadata).toBe(metadata);
  expect(call.getPattern()).toBe(call.fullMethod.slice(1));
  expect(call.deadline).toBeInstanceOf(Date);
  expect([call.cancelled, call.signal.aborted]).toEqual([false, false]);
  return { text: `${call.fullMethod} ${call.constructor.name} ${user}` };
}

describe('TtrpcCall and TtrpcMetadata', () => {
  it('give the call and its metadata to all kinds of handlers, beside Nest’s decorators', async () => {
    @Controller()
    class Decorated {
      @GrpcMethod('RoomService')
      say(
        @TtrpcMetadata('user') user: string,
        @TtrpcCall() call: TtrpcServerCall,
        @Payload('number') number: number,
        @Ctx() metadata: Metadata,
      ): Text {
        expect(number).toBe(7);
        return facts(call, metadata, user);
      }

      @GrpcMethod('RoomService')
      tell(@TtrpcMetadata() metadata: Metadata, @TtrpcCall() call: TtrpcContext): Text[] {
        expect(metadata).toBeInstanceOf(Metadata);
        return [facts(call, metadata, metadata.get('user').join())];
      }

      @GrpcStreamMethod('RoomService')
      async join(
        @TtrpcCall() call: TtrpcServerCall,
        @Payload() requests: Observable<Text>,
        @TtrpcMetadata('nobody') nobody: string | undefined,
      ): Promise<Text> {
        await lastValueFrom(requests);
        return facts(call, call.metadata, nobody);
      }

      @GrpcStreamMethod('RoomService')
      chat(@Payload() requests: Observable<Text>, @TtrpcCall() call: TtrpcServerCall) {
        return requests.pipe(map(() => facts(call, call.metadata, 'each')));
      }
    }
    const { room } = await startInMemory([Decorated]);
    const name = TtrpcServerCall.name;
    const say = await all(room.say({ number: 7 }, ADA));
    expect(say).toEqual([{ text: `/acme.v1.RoomService/Say ${name} ada` }]);
    const tell = await all(room.tell({}, ADA));
    expect(tell).toEqual([{ text: `/acme.v1.RoomService/Tell ${name} ada,eve` }]);
    const join = await all(room.join([{}], ADA));
    expect(join).toEqual([{ text: `/acme.v1.RoomService/Join ${name} undefined` }]);
    const chat = await all(room.chat([{}], ADA));
    expect(chat).toEqual([{ text: `/acme.v1.RoomService/Chat ${name} each` }]);
  });

  it('give them to pass-through handlers, whose call is the first argument', async () => {
    type Reply = (error: null, response: Text) => void;
    @Controller()
    class PassThrough {
      @GrpcStreamCall('RoomService')
      join(
        @TtrpcMetadata() metadata: Metadata,
        @TtrpcMetadata('user') user: string,
        @TtrpcCall() call: TtrpcDuplexCall,
        @Ctx() reply: Reply,
      ): void {
        reply(null, facts(call, metadata, user));
      }

      @GrpcStreamCall('RoomService')
      chat(
        @TtrpcCall() call: TtrpcDuplexCall,
        @Payload() same: TtrpcDuplexCall,
        @TtrpcMetadata('user') user: string,
      ): void {
        expect(same).toBe(call);
        call.end(facts(call, call.metadata, user));
      }
    }
    const { room } = await startInMemory([PassThrough]);
    const name = TtrpcDuplexCall.name;
    const join = await all(room.join([], ADA));
    expect(join).toEqual([{ text: `/acme.v1.RoomService/Join ${name} ada` }]);
    const chat = await all(room.chat([], ADA));
    expect(chat).toEqual([{ text: `/acme.v1.RoomService/Chat ${name} ada` }]);
  });

  it('put values of metadata through pipes', async () => {
    const upper: PipeTransform<string> = { transform: (text) => text.toUpperCase() };
    @Controller()
    class Piped {
      @GrpcMethod('RoomService')
      say(@TtrpcMetadata('user', upper) text: string): Text {
        return { text };
      }
    }
    const { room } = await startInMemory([Piped]);
    expect(await all(room.say({}, ADA))).toEqual([{ text: 'ADA' }]);
  });
});
