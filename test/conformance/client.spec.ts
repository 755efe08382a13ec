import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import { Metadata } from '../../lib/spec/metadata.js';
import { converse, TestClient } from './conversation.js';

describe('Call shapes, as a client', () => {
  it('unary: request, flags 0; response', async () => {
    const client = new TestClient();
    const call = client.unary('U', 'aabb');
    await converse(
      client,
      `client> 0000000a 00000001 01 00  0a01 "S" 1201 "U" 1a02 aabb
       server> 00000003 00000001 02 00  1201 cc`,
    );
    expect(call.events).toEqual(['message cc', 'ok']);
  });

  it('server streaming: request, flags 1; data*, then data flags 5', async () => {
    const client = new TestClient();
    const { outcome } = client.stream('SS', 'serverStreaming', { request: 'aa' });
    await converse(
      client,
      `client> 0000000a 00000001 01 01  0a01 "S" 1202 "SS" 1a01 aa
       server> 00000001 00000001 03 00  bb
       server> 00000000 00000001 03 00
       server> 00000000 00000001 03 05`,
    );
    expect(outcome.events).toEqual(['message bb', 'message', 'ok']);
  });

  it('client streaming: request, flags 6, no payload; data*; data flags 5; response', async () => {
    const client = new TestClient();
    const { outcome, call } = client.stream('CS', 'clientStreaming');
    call.send('aa');
    call.send('');
    call.endMessages();
    await converse(
      client,
      `client> 00000007 00000001 01 06  0a01 "S" 1202 "CS"
       client> 00000001 00000001 03 00  aa
       client> 00000000 00000001 03 00
       client> 00000000 00000001 03 05   # no payload: servers refuse one in here
       server> 00000003 00000001 02 00  1201 bb`,
    );
    expect(outcome.events).toEqual(['message bb', 'ok']);
  });

  it('bidi: as client streaming; as server streaming', async () => {
    const client = new TestClient();
    const { outcome, call } = client.stream('B', 'bidirectional');
    call.send('aa');
    await converse(
      client,
      `client> 00000006 00000001 01 06  0a01 "S" 1201 "B"
       client> 00000001 00000001 03 00  aa
       server> 00000001 00000001 03 00  bb`,
    );
    call.endMessages();
    await converse(
      client,
      `client> 00000000 00000001 03 05
       server> 00000000 00000001 03 05`,
    );
    expect(outcome.events).toEqual(['message bb', 'ok']);
  });

  it('takes an OK response with a payload on a stream of responses for a last message', async () => {
    const client = new TestClient();
    const { outcome } = client.stream('SS', 'serverStreaming', { request: '' });
    await converse(
      client,
      `client> 00000007 00000001 01 01  0a01 "S" 1202 "SS"
       server> 00000001 00000001 03 00  aa
       server> 00000003 00000001 02 00  1201 bb`,
    );
    expect(outcome.events).toEqual(['message aa', 'message bb', 'ok']);
  });

  it('delivers the payload of data [remote-closed], then ends', async () => {
    const client = new TestClient();
    const { outcome } = client.stream('SS', 'serverStreaming', { request: '' });
    await converse(
      client,
      `client> 00000007 00000001 01 01  0a01 "S" 1202 "SS"
       server> 00000001 00000001 03 01  aa`,
    );
    expect(outcome.events).toEqual(['message aa', 'ok']);
  });

  it('takes an empty response for an empty message, status absent or 0', async () => {
    const client = new TestClient();
    const go = client.unary('U', '');
    const rust = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       client> 00000006 00000003 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000001 02 00
       server> 00000004 00000003 02 00  0a02 0800`,
    );
    expect([go.events, rust.events]).toEqual([
      ['message', 'ok'],
      ['message', 'ok'],
    ]);
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

  it('ignores frames for streams that it does not know', async () => {
    const client = new TestClient();
    const call = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 00000003 00000003 02 00  1201 aa
       server> 00000001 00000002 03 00  aa
       server> 00000001 00000001 07 00  aa
       server> 00000003 00000001 02 00  1201 bb
       server> 00000003 00000001 02 00  1201 cc`,
    );
    expect(call.events).toEqual(['message bb', 'ok']);
  });

  it('gives ids in the order of writing; a request that is refused uses none up', async () => {
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
});

describe('Envelopes, as a client', () => {
  it('sends metadata in order, keys in lower case, and no timeout when there is none', async () => {
    const client = new TestClient();
    const metadata = new Metadata();
    metadata.add('K', '1');
    metadata.add('k', '2');
    client.unary('U', 'aa', { metadata });
    await converse(
      client,
      `client> 00000019 00000001 01 00
         0a01 "S" 1201 "U" 1a01 aa  2a06 0a01 "k" 1201 "1"  2a06 0a01 "k" 1201 "2"`,
    );
  });

  it('sends nothing of a call whose time is up already', async () => {
    const client = new TestClient();
    const call = client.unary('U', '', { deadline: new Date(0) });
    await converse(client, '');
    expect(call.events).toEqual(['4 DEADLINE_EXCEEDED: deadline exceeded']);
  });
});

describe('Errors, as a client', () => {
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

  it('closes the connection on a first length byte that is not 0', async () => {
    const client = new TestClient();
    const call = client.unary('U', '');
    await converse(
      client,
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 01000000 00000001 02 00`,
    );
    expect(call.error).toMatchObject({ kind: 'ttrpc.connection', reason: 'protocol' });
  });
});

describe('Cancellation', () => {
  it('closes an open half and forgets the stream', async () => {
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

  it('of a call whose half is closed sends nothing: data on a unary stream crashes peers', async () => {
    const client = new TestClient();
    const aborting = new AbortController();
    const call = client.unary('U', '', { signal: aborting.signal });
    await converse(client, 'client> 00000006 00000001 01 00  0a01 "S" 1201 "U"');
    aborting.abort();
    await converse(client, 'server> 00000003 00000001 02 00  1201 aa');
    expect(call.events).toEqual(['1 CANCELLED: call was cancelled']);
  });
});
