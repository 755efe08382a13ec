import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StatusError, type TtrpcError } from '../../lib/errors.js';
import { ReceiveBudget } from '../../lib/rpc/receive-budget.js';
import type { ServerCall } from '../../lib/rpc/server-call.js';
import { METHOD_SHAPES, type MethodKind } from '../../lib/spec/method.js';
import { budget, timeout } from '../fuzz/budget.js';
import { Link } from './link.js';
import { Chat, Download, Unary, Upload } from './text-service.js';

const METHODS = {
  unary: Unary,
  serverStreaming: Download,
  clientStreaming: Upload,
  bidirectional: Chat,
};
const KINDS = Object.keys(METHODS) as MethodKind[];

const STALL_MS = 200;
const LIMITS = {
  maxOpenStreams: 4,
  maxStreamBufferBytes: 1000,
  maxReceiveBufferBytes: 1400,
  maxMetadataBytes: 1000,
  stallTimeoutMs: STALL_MS,
};

/** Messages that somebody hands over when the test says so. */
class Source implements AsyncIterableIterator<string, undefined> {
  readonly #queue: string[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(text: string): void {
    this.#queue.push(text);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  get open(): boolean {
    return !this.#ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    while (this.#queue.length === 0) {
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return { done: false, value: this.#queue.shift() as string };
  }

  return(): Promise<IteratorResult<string, undefined>> {
    this.#ended = true;
    this.#wake?.();
    return Promise.resolve({ done: true, value: undefined });
  }
}

/** Takes messages one by one when the test says so, and writes down what came. */
class Taker {
  readonly taken: string[] = [];
  /** `end`, or the code of the error. */
  end: string | number | undefined;
  ends = 0;
  /** When it came to its end. */
  endedAt = Infinity;
  #iterator: AsyncIterator<string, undefined>;
  #busy = false;

  constructor(messages: AsyncIterable<string>) {
    this.#iterator = messages[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  }

  take(): void {
    if (this.#busy || this.end !== undefined) return;
    this.#busy = true;
    this.#iterator.next().then(
      ({ done, value }) => {
        this.#busy = false;
        if (done === true) this.#finish('end');
        else this.taken.push(value);
      },
      (error: unknown) => this.#finish((error as TtrpcError).code),
    );
  }

  #finish(end: string | number): void {
    this.#busy = false;
    this.end = end;
    this.endedAt = performance.now();
    this.ends += 1;
  }
}

/** What the handler of a call did, and what it saw. */
interface Served {
  readonly call: ServerCall<string, string>;
  readonly requests: Taker | undefined;
  readonly sent: string[];
  /** How it ended the call: a code. */
  ended: number | undefined;
  stops: number;
}

/** What a caller did, and what it saw. */
interface Made {
  readonly kind: MethodKind;
  readonly source: Source | undefined;
  readonly sent: string[];
  readonly responses: Taker;
  readonly signal: AbortController;
  readonly deadline: number;
  served: Served | undefined;
  cancelled: boolean;
}

class World {
  readonly made: Made[] = [];
  readonly link: Link;
  #count = 0;

  constructor() {
    this.link = new Link({}, { client: LIMITS, server: LIMITS });
    for (const method of Object.values(METHODS)) {
      this.link.add(method, (call) => this.#serve(call));
    }
  }

  #serve(call: ServerCall<string, string>): void {
    const { requests } = call;
    const served: Served = {
      call,
      requests: requests === undefined ? undefined : new Taker(requests),
      sent: [],
      ended: undefined,
      stops: 0,
    };
    call.onStop(() => (served.stops += 1));
    const [number] = call.metadata.get('number');
    (this.made[Number(number)] as Made).served = served;
  }

  async open(kind: MethodKind, timeoutMs: number | undefined): Promise<void> {
    const { requestStream, responseStream } = METHOD_SHAPES[kind];
    const signal = new AbortController();
    const metadata = { number: String(this.#count++) };
    const options = { metadata, timeoutMs, signal: signal.signal };
    const { caller } = this.link;
    const source = requestStream ? new Source() : undefined;
    const made: Omit<Made, 'responses'> & { responses?: Taker } = {
      kind,
      source,
      sent: [],
      signal,
      deadline: performance.now() + (timeoutMs ?? Infinity),
      served: undefined,
      cancelled: false,
    };
    this.made.push(made as Made);
    const method = METHODS[kind];
    const responses = responseStream
      ? source === undefined
        ? caller.serverStreaming(method, 'request', options)
        : caller.bidirectional(method, source, options)
      : source === undefined
        ? only(caller.unary(method, 'request', options))
        : only(caller.clientStreaming(method, source, options));
    made.responses = new Taker(responses);
    // One answer is taken at once; a stream's caller may lag.
    if (!responseStream) made.responses.take();
    await this.settle();
  }

  /** Moves everything that can move, and looks at what may never be. */
  async settle(): Promise<void> {
    await this.link.pair.settled();
    for (const made of this.made) {
      expectPrefix(made.responses.taken, made.served?.sent ?? []);
      expectPrefix(made.served?.requests?.taken ?? [], made.sent);
    }
    const open = this.made.filter(({ served }) => served?.call.active).length;
    expect(this.link.server.openStreams).toBe(open);
    expect(open).toBeLessThanOrEqual(LIMITS.maxOpenStreams);
  }

  async pass(milliseconds: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(milliseconds);
    await this.settle();
  }
}

/** One answer, as a stream of one. */
async function* only(answer: Promise<string>): AsyncGenerator<string, undefined> {
  yield await answer;
}

function expectPrefix(part: readonly string[], whole: readonly string[]): void {
  expect(whole.slice(0, part.length)).toEqual(part);
}

type Command = fc.AsyncCommand<object, World>;

/** Acts on one of the calls that `allows` it, if there is one. */
function onCall(
  name: string,
  allows: (made: Made) => boolean,
  act: (made: Made) => void,
): fc.Arbitrary<Command> {
  return fc.nat({ max: 20 }).map((pick) => ({
    check: () => true,
    async run(_, world) {
      const calls = world.made.filter(allows);
      const made = calls[pick % calls.length];
      if (made === undefined) return;
      act(made);
      await world.settle();
    },
    toString: () => `${name} ${pick}`,
  }));
}

const served = ({ served: one }: Made): boolean => one?.call.active === true;
const text = fc.constantFrom('', 'a', 'b', 'c'.repeat(700), 'd'.repeat(1200));

const opens = fc
  .tuple(fc.constantFrom(...KINDS), fc.constantFrom(undefined, 100, 500))
  .map(([kind, timeoutMs]): Command => ({
    check: () => true,
    run: (_, world) => world.open(kind, timeoutMs),
    toString: () => `open ${kind} ${timeoutMs ?? 'without'} ms`,
  }));

const clientSends = text.chain((message) =>
  onCall(
    `client sends ${message.length}`,
    ({ source }) => source?.open === true,
    ({ source, sent }) => {
      source?.push(message);
      sent.push(message);
    },
  ),
);

const clientEnds = onCall(
  'client half-closes',
  ({ source }) => source?.open === true,
  ({ source }) => source?.end(),
);

const clientCancels = onCall(
  'client cancels',
  ({ responses }) => responses.end === undefined,
  (made) => {
    made.cancelled = true;
    made.signal.abort();
  },
);

const clientTakes = onCall(
  'client takes',
  ({ responses }) => responses.end === undefined,
  ({ responses }) => responses.take(),
);

const serverTakes = onCall('server takes', served, (made) => made.served?.requests?.take());

const serverSends = text.chain((message) =>
  onCall(
    `server sends ${message.length}`,
    (made) => served(made) && METHOD_SHAPES[made.kind].responseStream,
    ({ served: one }) => {
      one?.sent.push(message);
      one?.call.send(message);
    },
  ),
);

const serverEnds = onCall('server ends', served, ({ kind, served: one }) => {
  if (one === undefined) return;
  one.ended = 0;
  if (METHOD_SHAPES[kind].responseStream) return one.call.end();
  one.sent.push('answer');
  one.call.reply('answer');
});

const serverFails = onCall('server fails', served, ({ served: one }) => {
  if (one === undefined) return;
  one.ended = 5;
  one.call.fail(new StatusError({ code: 5, message: 'none' }));
});

const timePasses = fc.constantFrom(50, 150, STALL_MS + 50).map((milliseconds): Command => ({
  check: () => true,
  run: (_, world) => world.pass(milliseconds),
  toString: () => `${milliseconds} ms pass`,
}));

/** Codes that a call can end with, by what was done to it. */
function allowedEnds(made: Made): (string | number)[] {
  const { served: one, responses, deadline, cancelled } = made;
  const ends: (string | number)[] = [];
  if (one?.ended === 0) ends.push('end');
  if (one?.ended === 5) ends.push(5);
  if (cancelled) ends.push(1);
  if (responses.endedAt >= deadline) ends.push(4);
  // Too many at once, or a consumer on either side that lagged.
  ends.push(8);
  return ends;
}

/** Ends what is left, has everybody take all there is, and looks at what must be by then. */
async function finish(world: World): Promise<void> {
  for (const { source } of world.made) source?.end();
  await takeAll(world, 10);
  for (let step = 0; step < 20 && waits(world); step++) {
    // What was kept from being read has arrived by now.
    failActive(world);
    await takeAll(world, 50);
    await world.pass(STALL_MS);
  }
  for (const made of world.made) expectEnded(made);
  expectNothingLeft(world.link);
}

/** Takes messages on both sides, until every caller and handler has come to its end. */
async function takeAll(world: World, most: number): Promise<void> {
  for (let takes = 0; takes < most && waits(world); takes++) {
    for (const { responses, served: one } of world.made) {
      responses.take();
      one?.requests?.take();
    }
    await world.settle();
  }
}

function failActive(world: World): void {
  for (const { served: one } of world.made.filter(served)) {
    if (one === undefined) continue;
    one.ended ??= 5;
    one.call.fail(new StatusError({ code: 5, message: 'none' }));
  }
}

function waits(world: World): boolean {
  return world.made.some((made) => made.responses.end === undefined || served(made));
}

function expectNothingLeft({ client, server, pair }: Link): void {
  expect([client.openStreams, server.openStreams]).toEqual([0, 0]);
  expect([ReceiveBudget.of(client).held, ReceiveBudget.of(server).held]).toEqual([0, 0]);
  for (const { asked } of [pair.client, pair.server]) {
    const count = (what: string): number => asked.filter((one) => one === what).length;
    expect(count('resume')).toBe(count('pause'));
  }
  expect(vi.getTimerCount()).toBe(0);
}

function expectEnded(made: Made): void {
  const { responses, served: one, sent } = made;
  expect(responses.ends).toBe(1);
  // A stream's caller hears of the end when it asks for it, and so does who has had the one answer.
  if (!METHOD_SHAPES[made.kind].responseStream && responses.end !== 'end') {
    expect(responses.endedAt).toBeLessThanOrEqual(made.deadline + 1);
  }
  expect(allowedEnds(made)).toContain(responses.end);
  if (responses.end === 'end') expect(responses.taken).toEqual(one?.sent);
  if (one === undefined) return;
  expect(one.stops).toBe(1);
  if (one.requests?.end === 'end') expect(one.requests.taken).toEqual(sent);
}

describe('calls of both roles on one connection', { timeout }, () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('end once each, for a reason, with whole messages in order, and leave nothing, whatever happens', async () => {
    const commands = fc.commands(
      [
        opens,
        clientSends,
        clientSends,
        clientEnds,
        clientCancels,
        clientTakes,
        serverTakes,
        serverSends,
        serverSends,
        serverEnds,
        serverFails,
        timePasses,
      ],
      { maxCommands: 50, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const world = new World();
        await fc.asyncModelRun(() => ({ model: {}, real: world }), sequence);
        await finish(world);
      }),
      budget,
    );
  });
});
