import { afterAll, describe, expect, it } from 'vitest';

import { TtrpcServer, type CallContext } from '../../lib/engine/index.js';
import { createMemoryTransport } from '../../lib/testing/index.js';
import { playToServer } from '../conformance/play.js';
import { data, field, frame, payload, request, type Step } from '../conformance/rule.js';
import { REQUEST } from '../interop/frames.js';
import type { Reply } from '../interop/outcome.js';
import { INTEROP } from '../interop/service.js';
import { hex } from '../support/transcript.js';

const transport = createMemoryTransport();
const server = new TtrpcServer();
const none = (): Reply => ({});
server.addService(INTEROP, {
  Echo: (message: Reply) => message,
  Nothing: none,
  // Everything that an application may do with metadata: it spreads it, and looks names up.
  Inspect: (_: Reply, { metadata }: CallContext) => {
    const json = { ...metadata.toJSON() };
    const inherited = 'polluted' in {} || ({} as Reply)['x'] !== undefined;
    return { metadata: [{ key: Object.keys(json).join(), value: String(inherited) }] };
  },
  InspectStream: () => [],
  Fail: none,
  Sleep: none,
  Grow: none,
  Count: () => [],
  Sum: none,
  Chat: () => [],
  First: none,
  Brief: () => [],
});
await server.listen(transport.listen);
afterAll(() => server.close());

/** A call behind the steps is answered, too. */
async function expectSteps(...steps: Step[]): Promise<void> {
  const connect = async () => transport.dial(undefined as never);
  expect(await playToServer({ id: '', text: '', steps }, connect)).toBeUndefined();
}

const NO_METHOD = (id: number, name: string): string =>
  `response ${id} UNIMPLEMENTED "method ${name}"`;
const BAD = 'response 1 INVALID_ARGUMENT "unmarshal request error: …';

describe('hostile input', () => {
  it('that names a property of every object is an unknown method', () =>
    expectSteps(
      request(1, 0, '__proto__'),
      NO_METHOD(1, '__proto__'),
      request(3, 0, 'constructor'),
      NO_METHOD(3, 'constructor'),
      request(5, 0, 'hasOwnProperty'),
      NO_METHOD(5, 'hasOwnProperty'),
    ));

  it('that names a property of every object is an unknown service', () =>
    expectSteps(
      frame(1, REQUEST, 0, Buffer.concat([field(1, '"__proto__"'), field(2, '"Echo"')])),
      'response 1 UNIMPLEMENTED "service __proto__"',
    ));

  it('in metadata keys pollutes no prototype', async () => {
    await expectSteps(
      request(
        1,
        0,
        'Inspect',
        field(5, '0a09 "__proto__" 1208 "polluted"'),
        field(5, '0a0b "constructor" 1201 "x"'),
      ),
      // "__proto__,constructor": "false"
      'response 1 OK 0a1e0a155f5f70726f746f5f5f2c636f6e7374727563746f72120566616c7365',
    );
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it.each([
    ['a varint of eleven bytes', '20 ffffffffffffffffffff01'],
    ['a varint without an end', '20 ffffff'],
    ['a length of 4 GiB', '3a ffffffff0f'],
    ['a length of 2⁶³', '3a ffffffffffffffff7f'],
    ['groups in groups', '3b*100000'],
    ['field number 0', '00 00'],
    ['metadata whose key is no UTF-8', '2a06 0a01 ff 1201 "v"'],
    ['metadata whose value is no UTF-8', '2a06 0a01 "k" 1201 c0'],
    ['metadata beyond its field', '2a03 0a05 "k"'],
  ])('of %s is refused, and the connection goes on', (_, envelope) =>
    expectSteps(request(1, 0, 'Echo', hex(envelope)), BAD),
  );

  it('of the limits of int64 for a timeout is no time, or all the time there is', () =>
    expectSteps(
      request(1, 0, 'Nothing', hex('20 ffffffffffffffff7f')),
      'response 1 OK',
      request(3, 0, 'Nothing', hex('20 80808080808080808001')),
      'response 3 DEADLINE_EXCEEDED …',
    ));

  it('of the limits of int64 in a message comes back as it was', () =>
    expectSteps(
      request(1, 0, 'Echo', payload('10 ffffffffffffffff7f')),
      'response 1 OK 10ffffffffffffffff7f',
      request(3, 0, 'Echo', payload('10 80808080808080808001')),
      'response 3 OK 1080808080808080808001',
    ));

  it('on the streams 2³¹ − 1, 2³¹ + 1 and 2³² − 1 is answered there', () =>
    expectSteps(
      data(0x7fff_ffff, 0),
      'response 2147483647 INVALID_ARGUMENT "StreamID is no longer active"',
      data(0x8000_0001, 0),
      'response 2147483649 INVALID_ARGUMENT "StreamID is no longer active"',
      data(0xffff_ffff, 0),
      'response 4294967295 INVALID_ARGUMENT "StreamID is no longer active"',
    ));
});
