import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventPublisher, type TaskEvent } from '../../lib/containerd/event-publisher.js';
import { StatusError } from '../../lib/errors.js';
import { TtrpcServer } from '../../lib/engine/server.js';
import { loadServices } from '../../lib/proto/service-definition.js';
import { StatusCode } from '../../lib/spec/status.js';
import { until } from '../engine/harness.js';
import { tempFolder } from '../transport/temp-folder.js';

interface Envelope extends TaskEvent {
  readonly namespace: string;
}

const at = tempFolder();
const catalog = loadServices({
  protoPath: new URL('../../sample/containerd-proto/events-ttrpc.proto', import.meta.url).pathname,
  loader: { longs: Number },
});
const EVENT = { type_url: 'containerd.events.TaskStart', value: Buffer.from('1002', 'hex') };

describe('EventPublisher', () => {
  let sockets = 0;
  let socket: string;
  let publisher: EventPublisher;
  const heard: Envelope[] = [];
  const lost: string[] = [];
  const servers: TtrpcServer[] = [];
  /** What the daemon does with an event beside hearing it. */
  let take: (topic: string) => unknown;
  /** Seconds that {@link wait} has let go. */
  let now = 0;

  /** Starts the daemon, again too. */
  async function boot(): Promise<TtrpcServer> {
    const server = new TtrpcServer();
    servers.push(server);
    server.addService(catalog.service('containerd.services.events.ttrpc.v1.Events'), {
      forward: async ({ envelope }: { envelope: Envelope }) => {
        heard.push(envelope);
        await take(envelope.topic);
        return {};
      },
    });
    await server.listen(`unix://${socket}`);
    return server;
  }

  const topics = (): string[] => heard.map(({ topic }) => topic);

  beforeEach(() => {
    heard.length = 0;
    lost.length = 0;
    take = () => undefined;
    socket = at(`s${++sockets}`);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    publisher = new EventPublisher({
      address: socket,
      namespace: 'ns',
      onLost: ({ topic }, error) => lost.push(`${topic}: ${error.message}`),
    });
  });

  afterEach(async () => {
    vi.useRealTimers();
    await publisher.close({ graceMs: 1 });
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  /** Lets the time go on until something is so, a second at a time; gives the seconds. */
  async function wait(isSo: () => boolean): Promise<number> {
    for (now = 0; ; now++) {
      // What is under way on sockets takes turns, and no time.
      for (let turn = 0; turn < 50; turn++) {
        if (isSo()) return now;
        await new Promise((resolve) => setImmediate(resolve));
      }
      vi.advanceTimersByTime(1000);
    }
  }

  it('tells what has happened, where and when', async () => {
    await boot();
    const before = Math.floor(Date.now() / 1000);
    publisher.publish('/tasks/start', EVENT);
    await until(() => publisher.waiting === 0);
    expect(heard).toMatchObject([{ namespace: 'ns', topic: '/tasks/start', event: EVENT }]);
    expect(heard[0]!.timestamp.seconds).toBeGreaterThanOrEqual(before);
  });

  it('sends one event after the other, in order', async () => {
    await boot();
    let open = 0;
    let most = 0;
    take = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
    };
    const all = ['/a', '/b', '/c', '/d'];
    for (const topic of all) publisher.publish(topic, EVENT);
    expect(publisher.waiting).toBe(4);
    await until(() => publisher.waiting === 0);
    expect(topics()).toEqual(all);
    expect(most).toBe(1);
  });

  it('goes on, in order, when the daemon comes back', async () => {
    publisher.publish('/a', EVENT);
    publisher.publish('/b', EVENT);
    vi.advanceTimersByTime(1000);
    await boot();
    await wait(() => publisher.waiting === 0);
    expect(topics()).toEqual(['/a', '/b']);
    expect(lost).toEqual([]);
  });

  it('sends an event again at once when its connection is lost', async () => {
    const first = await boot();
    let daemon: Promise<unknown> = Promise.resolve();
    take = () => {
      take = () => undefined;
      daemon = first.close().then(boot);
      return new Promise(() => {});
    };
    publisher.publish('/a', EVENT);
    publisher.publish('/b', EVENT);
    await wait(() => publisher.waiting === 0);
    await daemon;
    expect(topics()).toEqual(['/a', '/a', '/b']);
  });

  it('sends an event again at once on a connection that was lost meanwhile', async () => {
    await boot();
    publisher.publish('/a', EVENT);
    await until(() => publisher.waiting === 0);
    await servers[0]!.close();
    await boot();
    publisher.publish('/b', EVENT);
    await until(() => publisher.waiting === 0);
    expect(topics()).toEqual(['/a', '/b']);
  });

  it('gives an event up after five more attempts, 1 to 5 seconds apart', async () => {
    await boot();
    const times: number[] = [];
    take = (topic) => {
      if (topic !== '/a') return;
      times.push(now);
      throw new StatusError({ code: StatusCode.Unavailable, message: 'not now' });
    };
    publisher.publish('/a', EVENT);
    publisher.publish('/b', EVENT);
    await wait(() => publisher.waiting === 0);
    expect(times).toEqual([0, 1, 3, 6, 10, 15]);
    expect(lost).toEqual(['/a: 14 UNAVAILABLE: not now']);
    expect(topics().at(-1)).toBe('/b');
  });

  it('waits five seconds for an answer', async () => {
    await boot();
    take = () => new Promise(() => {});
    publisher.publish('/a', EVENT);
    await until(() => heard.length === 1);
    take = () => undefined;
    expect(await wait(() => publisher.waiting === 0)).toBe(6);
    expect(topics()).toEqual(['/a', '/a']);
  });

  it('does not try again what the daemon can never take', async () => {
    await boot();
    take = () => {
      throw new StatusError({ code: StatusCode.InvalidArgument, message: 'no such topic' });
    };
    publisher.publish('/a', EVENT);
    await until(() => publisher.waiting === 0);
    expect(lost).toEqual(['/a: 3 INVALID_ARGUMENT: no such topic']);
    expect(heard).toHaveLength(1);
  });

  it.each([2047, 2048, 2049])('keeps at most 2048 of %i events', (count) => {
    for (let i = 0; i < count; i++) publisher.publish(`/${i}`, EVENT);
    expect(publisher.waiting).toBe(Math.min(count, 2048));
    expect(lost).toEqual(count > 2048 ? ['/2048: 2048 events wait already'] : []);
  });

  it('publishes what waits before it closes', async () => {
    await boot();
    publisher.publish('/a', EVENT);
    publisher.publish('/b', EVENT);
    await publisher.close({ graceMs: 60_000 });
    expect(topics()).toEqual(['/a', '/b']);
    expect(vi.getTimerCount()).toBe(0);
    expect(() => publisher.publish('/c', EVENT)).toThrow('publisher is closed');
  });

  it('gives up what still waits when the grace is over', async () => {
    publisher.publish('/a', EVENT);
    publisher.publish('/b', EVENT);
    let closed = false;
    const closing = publisher.close({ graceMs: 2000 }).then(() => (closed = true));
    expect(await wait(() => closed)).toBe(2);
    await closing;
    expect(lost.map((text) => text.slice(0, 2))).toEqual(['/a', '/b']);
  });

  it('refuses a topic without a slash, which the daemon would', () => {
    expect(() => publisher.publish('tasks', EVENT)).toThrow('topic must begin with "/", got tasks');
  });

  it('refuses a time that is none', () => {
    const options = { address: socket, namespace: 'ns', timeoutMs: 0 };
    expect(() => new EventPublisher(options)).toThrow('timeoutMs must be a number above 0');
  });
});
