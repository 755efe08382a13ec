import { describe, expect, it } from 'vitest';
import { StatusError } from '../../lib/errors.js';
import type { CallContext } from '../../lib/rpc/call.js';
import { converse, server } from './conversation.js';

// A request begins with 0a01 "S" (service S) and 1201 "U" (method U); 1a is its payload.

// The kit has the rules that are seen from outside, whatever a handler of its service does.
describe('A server, where the kit does not see', () => {
  it('aborts the signals of handlers when the peer closes, also in mid-frame', async () => {
    let aborted = false;
    const side = server({
      'Wait unary': (_: string, context: CallContext) => {
        context.signal.addEventListener('abort', () => (aborted = true));
        return new Promise<string>(() => {});
      },
    });
    await converse(side, 'client> 00000009 00000001 01 00  0a01 "S" 1204 "Wait" 00000009 000000');
    side.pair.server.receiveEnd();
    await side.pair.settled();
    expect(aborted).toBe(true);
  });

  it('answers when a handler throws', () =>
    converse(
      server({
        'T unary': () => {
          throw new Error('secret');
        },
      }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "T"
       server> 0000001b 00000001 02 00  0a19 0802 1215 "Internal server error"`,
    ));

  it('answers when a handler rejects', () =>
    converse(
      server({ 'R unary': () => Promise.reject(new StatusError({ code: 5, message: 'gone' })) }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "R"
       server> 0000000a 00000001 02 00  0a08 0805 1204 "gone"`,
    ));

  it('answers when what a handler returns can’t be serialised', () =>
    converse(
      server({ 'R unary': () => '!' }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "R"
       server> 00000039 00000001 02 00
         0a37 080d 1233 "response message can not be serialised: bad message"`,
    ));

  it('shows metadata with keys in lower case, however they came', () =>
    converse(
      server({
        'M unary': (_: string, { metadata }: CallContext) =>
          Buffer.from(JSON.stringify(metadata.toJSON())).toString('hex'),
      }),
      `client> 00000016 00000001 01 00
         0a01 "S" 1201 "M"  2a06 0a01 "K" 1201 "1"  2a06 0a01 "k" 1201 "2"
       server> 00000011 00000001 02 00  120f 7b226b223a5b2231222c2232225d7d # {"k":["1","2"]}`,
    ));

  it('answers a call whose time is up already', () =>
    converse(
      server({ 'U unary': () => '' }),
      `client> 00000011 00000001 01 00  0a01 "S" 1201 "U" 20 ffffffffffffffffff01
       server> 00000017 00000001 02 00  0a15 0804 1211 "deadline exceeded"`,
    ));

  it('leaves out of a response what says nothing: OK, and an empty payload', () =>
    converse(
      server({ 'U unary': () => '' }),
      `client> 00000006 00000001 01 00  0a01 "S" 1201 "U"
       server> 00000000 00000001 02 00`,
    ));
});
