import { StatusError, TtrpcServer, type CallContext } from '../../lib/engine/index.js';
import { EventLog } from './event-log.js';
import type { Reply } from './outcome.js';
import { catalog, INTEROP } from './service.js';

/** Our server, with the same handlers as the foreign peers'. */
export class OurServer {
  readonly log = new EventLog();
  readonly #server = new TtrpcServer();

  static async start(path: string): Promise<OurServer> {
    const ours = new OurServer();
    ours.#server.addService(INTEROP, handlers(ours.log));
    await ours.#server.listen(`unix://${path}`);
    return ours;
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }
}

function handlers(log: EventLog) {
  return {
    Echo: (message: Reply) => message,
    Nothing: () => ({}),
    Inspect: (_: Reply, context: CallContext) => seen(context),
    InspectStream: async function* (_: Reply, context: CallContext) {
      yield seen(context);
    },
    Fail: ({ code, message, detail }: { code: number; message: string; detail: string }) => {
      const any = catalog.encodeAny('interop.v1.Detail', { text: detail });
      throw new StatusError({ code, message, details: [any] });
    },
    Sleep: ({ milliseconds }: { milliseconds: string }, { signal }: CallContext) => {
      log.say('sleep started');
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          log.say('sleep ended');
          resolve({});
        }, Number(milliseconds));
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          log.say('sleep interrupted');
          resolve({});
        });
      });
    },
    Grow: ({ bytes }: { bytes: string }) => ({
      data: Buffer.alloc(Number(bytes), 'x').toString('base64'),
    }),
    Count: async function* (given: { count: number; failAfter: number; code: number }) {
      for (let i = 0; i < given.count; i++) {
        if (given.code !== 0 && i === given.failAfter) {
          throw new StatusError({ code: given.code, message: `failed after ${i}` });
        }
        yield { value: i + 1 };
      }
    },
    Sum: async (numbers: AsyncIterable<{ value: string }>) => {
      let [sum, count] = [0, 0];
      for await (const { value } of numbers) {
        sum += Number(value);
        count += 1;
      }
      return { sum, count };
    },
    Chat: async function* (messages: AsyncIterable<Reply>) {
      for await (const message of messages) yield message;
    },
    First: async (numbers: AsyncIterable<Reply>) => {
      for await (const number of numbers) return number;
      return {};
    },
    Brief: async function* (messages: AsyncIterable<Reply>) {
      for await (const message of messages) {
        yield message;
        return;
      }
    },
  };
}

function seen({ metadata, deadline }: CallContext): Reply {
  const left = deadline === undefined ? 0 : deadline.getTime() - Date.now();
  const pairs = [...metadata].map(([key, value]) => ({ key, value }));
  return {
    metadata: pairs.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))),
    timeoutNano: String(left * 1_000_000),
  };
}
