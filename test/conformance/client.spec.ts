import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import { converse, TestClient } from './conversation.js';

// The kit has the rules that are seen from outside, as far as any client can be made to follow them.
describe('A client, where the kit does not see', () => {
  it('uses no id up for a request that is refused', async () => {
    const client = new TestClient({ maxPayloadBytes: 1024 });
    const refused = client.unary('U', 'aa'.repeat(1024));
    const broken = client.unary('U', '!');
    client.unary('U', '');
    await converse(client, 'client> 00000006 00000001 01 00  0a01 "S" 1201 "U"');
    expect(refused.events).toEqual(['message length 1033 exceed maximum message size of 1024']);
    expect(broken.events).toEqual([
      '13 INTERNAL: request message can not be serialised: bad message',
    ]);
  });

  it('sends nothing of a call whose time is up already', async () => {
    const client = new TestClient();
    const call = client.unary('U', '', { deadline: new Date(0) });
    await converse(client, '');
    expect(call.events).toEqual(['4 DEADLINE_EXCEEDED: deadline exceeded']);
  });

  it('never sends data or a half-close after the stream’s final frame has arrived', async () => {
    const client = new TestClient();
    const { outcome, call } = client.stream('B', 'bidirectional');
    await converse(
      client,
      `client> 00000006 00000001 01 06  0a01 "S" 1201 "B"
       server> 00000000 00000001 03 05`,
    );
    call.send('aa');
    call.endMessages();
    call.cancel();
    await converse(client, '');
    expect(outcome.events).toEqual(['ok']);
  });

  it('ends a call by the peer’s status, with its details', async () => {
    const client = new TestClient();
    const call = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 00000017 00000001 02 00
         0a15 0805 1204 "gone" 1a0b 0a05 "pkg.M" 1202 aabb`,
    );
    expect(call.events).toEqual(['5 NOT_FOUND: gone']);
    expect(call.error).toBeInstanceOf(StatusError);
    expect(call.error).toMatchObject({
      origin: 'remote',
      status: { details: [{ typeUrl: 'pkg.M', value: Buffer.of(0xaa, 0xbb) }] },
    });
  });

  it.each([
    ['a response that does not decode', '00000001 00000001 02 00  0a'],
    ['a payload that does not decode', '00000003 00000001 02 00  1201 ff'],
    ['data on a unary call', '00000001 00000001 03 00  aa'],
    ['a response above the limit', '00400001 00000001 02 00 00*4194305'],
  ])('ends only the call that got %s', async (_, answer) => {
    const client = new TestClient();
    const call = client.unary('U', '');
    const other = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       client> 00000006 00000003 01 00  0a01 "S" 1201 "U"
       server> ${answer}
       server> 00000003 00000003 02 00  1201 aa`,
    );
    expect(call.error).toMatchObject({ code: expect.toBeOneOf([8, 13]) as number });
    expect(call.events).toHaveLength(1);
    expect(other.events).toEqual(['message aa', 'ok']);
  });

  it('rejects every call in flight when the connection is lost', async () => {
    const client = new TestClient();
    const unary = client.unary('U', '');
    const { outcome } = client.stream('B', 'bidirectional');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       client> 00000006 00000003 01 06  0a01 "S" 1201 "B"`,
    );
    client.pair.client.receiveEnd();
    await client.pair.settled();
    for (const { error } of [unary, outcome]) {
      expect(error).toMatchObject({ reason: 'eof', address: 'memory:', requestWritten: true });
    }
  });

  it('says that the peer broke the protocol when that is why the connection was closed', async () => {
    const client = new TestClient();
    const call = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 01000000 00000001 02 00`,
    );
    expect(call.error).toMatchObject({ kind: 'ttrpc.connection', reason: 'protocol' });
  });

  it('closes the open half of a call that is cancelled, and forgets the stream', async () => {
    const client = new TestClient();
    const aborting = new AbortController();
    const { outcome } = client.stream('B', 'bidirectional', {
      options: { signal: aborting.signal },
    });
    await converse(client, 'client> 00000006 00000001 01 06  0a01 "S" 1201 "B"');
    aborting.abort();
    await converse(
      client,
      `client> 00000000 00000001 03 05
       server> 00000001 00000001 03 00  aa
       server> 00000000 00000001 03 05`,
    );
    expect(outcome.events).toEqual(['1 CANCELLED: call was cancelled']);
    expect(client.connection.openStreams).toBe(0);
  });

  it('sends nothing of the cancellation of a unary call: data on its stream crashes peers', async () => {
    const client = new TestClient();
    const aborting = new AbortController();
    const call = client.unary('U', '', { signal: aborting.signal });
    await converse(client, 'client> 00000006 00000001 01 00  0a01 "S" 1201 "U"');
    aborting.abort();
    await converse(client, 'server> 00000003 00000001 02 00  1201 aa');
    expect(call.events).toEqual(['1 CANCELLED: call was cancelled']);
  });
});
