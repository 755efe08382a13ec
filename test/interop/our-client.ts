import { isTtrpcError, TtrpcClient, type AnyMessage } from '../../lib/engine/index.js';
import { outcome, type Options, type Outcome, type Reply } from './outcome.js';
import { catalog, methodOf } from './service.js';
import type { Watch } from './watch.js';

type Scenario = (client: TtrpcClient, options: Options, replies: Reply[]) => Promise<number | void>;

/** Runs a case with our client, as the foreign peers do with theirs. */
export async function callWithOurs(
  path: string,
  scenario: string,
  options: Options,
  watch: Watch,
): Promise<Outcome> {
  let connections = 0;
  const client = new TtrpcClient({
    address: `unix://${path}`,
    dial: () => watch.dial(path),
    onConnect: () => (connections += 1),
  });
  const replies: Reply[] = [];
  try {
    const failure = await run(client, scenario, options, replies);
    const answer = await echo(client, { text: 'alive' }, { timeoutMs: 5000 }).catch(
      () => undefined,
    );
    // The client makes itself a new connection when it has lost one; that is not the same.
    const alive = answer?.['text'] === 'alive' && connections === 1;
    return outcome({ ...failure, replies, alive });
  } finally {
    await client.close();
  }
}

async function run(
  client: TtrpcClient,
  scenario: string,
  options: Options,
  replies: Reply[],
): Promise<Partial<Outcome>> {
  try {
    return { matched: (await SCENARIOS[scenario]!(client, options, replies)) ?? 0 };
  } catch (error) {
    if (!isTtrpcError(error)) throw error;
    if (error.kind !== 'ttrpc.status') return { code: error.code, message: error.details };
    const details = error.status.details.map((any) => ({
      typeUrl: any.typeUrl,
      text: textOf(any),
    }));
    return { code: error.code, message: error.details, details };
  }
}

/** The text of a Detail. */
function textOf(any: AnyMessage): string {
  const { message } = catalog.decodeAny(any)!;
  return (message as { text: string }).text;
}

const SCENARIOS: Record<string, Scenario> = {
  echo: unary('Echo', ({ text, number, data }) => ({ text, number, data })),
  nothing: unary('Nothing', () => ({})),
  inspect: unary('Inspect', () => ({})),
  fail: unary('Fail', ({ code, message, detail }) => ({ code, message, detail })),
  sleep: unary('Sleep', ({ milliseconds }) => ({ milliseconds })),
  'oversized-request': unary('Echo', ({ bytes }) => ({ text: 'x'.repeat(bytes!) })),
  'oversized-response': unary('Grow', ({ bytes }) => ({ bytes })),
  'unknown-service': async (client, _, replies) => {
    replies.push(await client.unary({ ...methodOf('Echo'), service: 'interop.v1.Nobody' }, {}));
  },
  'unknown-method': async (client, _, replies) => {
    replies.push(await client.unary({ ...methodOf('Echo'), name: 'Nowhere' }, {}));
  },
  inflight: async (client, { count }) => {
    const numbers = Array.from({ length: count! }, (_, i) => String(i + 1));
    const answers = await Promise.all(numbers.map((number) => echo(client, { number })));
    return answers.filter((answer, i) => answer['number'] === numbers[i]).length;
  },
  'inspect-stream': serverStreaming('InspectStream', () => ({})),
  count: serverStreaming('Count', ({ count, failAfter, code }) => ({ count, failAfter, code })),
  sum: clientStreaming('Sum', ({ numbers }) => numbers!.map((value) => ({ value }))),
  first: clientStreaming('First', ({ count }) => upTo(count!, 'value')),
  brief: async (client, options, replies) => {
    const requests = upTo(options.count!, 'number');
    const responses = client.bidirectional(methodOf('Brief'), requests, callOptions(options));
    for await (const reply of responses) replies.push(reply);
  },
  // One by one: a message is sent when the one before has come back.
  chat: async (client, options, replies) => {
    const turn = new Turnstile();
    async function* requests(): AsyncGenerator<Reply> {
      for (const text of options.texts!) {
        yield { text };
        await turn.next();
      }
    }
    const responses = client.bidirectional(methodOf('Chat'), requests(), callOptions(options));
    for await (const reply of responses) {
      replies.push(reply);
      turn.open();
    }
  },
  // As chat, but the loop is left after the first answer.
  abandon: async (client, options, replies) => {
    const turn = new Turnstile();
    async function* requests(): AsyncGenerator<Reply> {
      yield { text: 'first' };
      await turn.next();
      yield { text: 'second' };
    }
    const responses = client.bidirectional(methodOf('Chat'), requests(), callOptions(options));
    for await (const reply of responses) {
      replies.push(reply);
      break;
    }
    turn.open();
  },
  // Messages that are handed over only when the server's end has arrived, so that they come late.
  'late-first': async (client, options, replies) => {
    const turn = new Turnstile();
    const requests = lateNumbers(turn, 'value');
    replies.push(await client.clientStreaming(methodOf('First'), requests, callOptions(options)));
    turn.open();
    await echo(client, {});
  },
  'late-brief': async (client, options, replies) => {
    const turn = new Turnstile();
    const requests = lateNumbers(turn, 'number');
    const responses = client.bidirectional(methodOf('Brief'), requests, callOptions(options));
    for await (const reply of responses) replies.push(reply);
    turn.open();
    await echo(client, {});
  },
};

/** Lets one through for each time that it is opened. */
class Turnstile {
  #open = 0;
  #waiting: (() => void) | undefined;

  open(): void {
    this.#open += 1;
    this.#waiting?.();
  }

  async next(): Promise<void> {
    if (this.#open === 0) await new Promise<void>((resolve) => (this.#waiting = resolve));
    this.#open -= 1;
  }
}

async function* lateNumbers(turn: Turnstile, field: string): AsyncGenerator<Reply> {
  yield { [field]: 1 };
  await turn.next();
  yield { [field]: 2 };
  yield { [field]: 3 };
}

function upTo(count: number, field: string): Reply[] {
  return Array.from({ length: count }, (_, i) => ({ [field]: i + 1 }));
}

function echo(client: TtrpcClient, message: Reply, options = {}): Promise<Reply> {
  return client.unary(methodOf('Echo'), message, options);
}

function unary(name: string, request: (options: Options) => Reply): Scenario {
  return async (client, options, replies) => {
    replies.push(await client.unary(methodOf(name), request(options), callOptions(options)));
  };
}

function serverStreaming(name: string, request: (options: Options) => Reply): Scenario {
  return async (client, options, replies) => {
    const message = request(options);
    const responses = client.serverStreaming(methodOf(name), message, callOptions(options));
    for await (const reply of responses) replies.push(reply);
  };
}

function clientStreaming(name: string, requests: (options: Options) => Reply[]): Scenario {
  return async (client, options, replies) => {
    const messages = requests(options);
    replies.push(await client.clientStreaming(methodOf(name), messages, callOptions(options)));
  };
}

function callOptions({ metadata = [], timeoutMs }: Options) {
  const values: Record<string, string[]> = {};
  for (const [key, value] of metadata) (values[key.toLowerCase()] ??= []).push(value);
  return { metadata: values, timeoutMs };
}
