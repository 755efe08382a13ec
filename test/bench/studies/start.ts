import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { Child } from '../child.js';
import { commandOf } from '../programs.js';
import { number, table } from '../report.js';
import { ratio, spread, type Spread } from '../statistics.js';
import type { Role } from '../subjects.js';
import { installedSizes, loadedModules } from './weight.js';
import { GO, node, withFolder } from './pair.js';
import { verdicts, type Check, type Figure, type Setup, type Study } from './study.js';

const ROUNDS = 11;
const ROUNDS_QUICK = 3;

/** What is started, and who makes the first call; nobody calls what only loads a definition. */
const STARTED: readonly (readonly [name: string, server: Role, client?: Role])[] = [
  ['protobufjs', node('protobufjs')],
  ['raw', node('raw'), node('raw')],
  ['engine', node('engine'), node('engine')],
  ['nest', node('nest'), node('nest')],
  ['go', GO, GO],
  ['grpc-js', node('grpc-js'), node('grpc-js')],
  ['nest-grpc', node('nest-grpc'), node('nest-grpc')],
];

const LIMITS: readonly (readonly [subject: string, peer: string, atMost: number])[] = [
  ['engine', 'protobufjs', 1.5],
  ['nest', 'nest-grpc', 1],
  ['engine', 'go', Infinity],
  ['nest', 'go', Infinity],
];

/** From the start of a server's process to its first answer; modules that it loads; what is installed. */
export const start: Study = {
  name: 'start',
  async run(setup) {
    const times = await startAll(setup);
    const modules = await loadedModules(STARTED.filter(([, { program }]) => program === 'node'));
    const sizes = await installedSizes(setup.say);
    const figures: Figure[] = [
      ...[...times].map(([subject, all]) => figure('start', subject, 'ms', spread(all).median)),
      ...[...modules].map(([subject, count]) => figure('modules', subject, 'files', count)),
      ...[...sizes].map(([subject, bytes]) => figure('installed', subject, 'MB', bytes / 1e6)),
    ];
    const checks = LIMITS.flatMap((limit) => compare(times, ...limit));
    const text = [
      "## start: from the fork of a server to the answer that a client who waits for it gets; `protobufjs`: to the .proto's being loaded\n",
      table(
        ['server', 'ms to the first answer', 'modules loaded'],
        [...times].map(([name, all]) => [name, wide(spread(all)), valueOf(figures, name)]),
      ),
      table(
        ['installed', 'MB'],
        [...sizes].map(([name, bytes]) => [name, number(bytes / 1e6)]),
      ),
      verdicts(checks),
    ].join('\n');
    return { text, checks, figures };
  },
};

function figure(work: string, subject: string, unit: string, value: number): Figure {
  return { work, subject, at: 1, unit, value };
}

function valueOf(figures: readonly Figure[], subject: string): string {
  const found = figures.find((each) => each.work === 'modules' && each.subject === subject);
  return found === undefined ? '' : number(found.value);
}

function wide({ median, min, max }: Spread): string {
  return `${number(median)} (${number(min)}–${number(max)})`;
}

/** In turns. The clients run from before the first round to after the last, and are warm. */
async function startAll({ options, go, say }: Setup): Promise<Map<string, number[]>> {
  return withFolder(async (folder) => {
    const wanted = STARTED.filter(([name]) => go || name !== 'go');
    const starters = wanted.map(([name, ...roles]) => new Starter(join(folder, name), ...roles));
    const times = new Map(wanted.map(([name]): [string, number[]] => [name, []]));
    try {
      // Nothing of the first round counts: it fills the system's caches and warms the clients up.
      for (const starter of starters) await starter.run();
      for (let round = options.quick ? ROUNDS_QUICK : ROUNDS; round > 0; round--) {
        for (const [index, [name]] of wanted.entries()) {
          times.get(name)?.push(await (starters[index] as Starter).run());
        }
      }
    } finally {
      for (const starter of starters) await starter.stop();
    }
    say(
      `start: ${[...times].map(([name, all]) => `${name} ${number(spread(all).median)}`).join('  ')}`,
    );
    return times;
  });
}

/** Starts the same server again and again, for one client. */
class Starter {
  readonly #folder: string;
  readonly #server: Role;
  readonly #client: Role | undefined;
  #driver: Child | undefined;

  constructor(folder: string, server: Role, client?: Role) {
    this.#folder = folder;
    this.#server = server;
    this.#client = client;
  }

  /** @returns milliseconds to the first answer */
  async run(): Promise<number> {
    mkdirSync(this.#folder);
    const socket = join(this.#folder, 's');
    const begin = performance.now();
    const server = await Child.start(commandOf('serve', this.#server, socket, undefined));
    try {
      await this.#driver?.first();
      const time = performance.now() - begin;
      if (this.#client !== undefined) {
        this.#driver ??= await Child.start(commandOf('drive', this.#client, socket, undefined));
        await this.#driver.first();
      }
      return time;
    } finally {
      await server.stop();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async stop(): Promise<void> {
    await this.#driver?.stop();
  }
}

function compare(
  times: ReadonlyMap<string, readonly number[]>,
  subject: string,
  peer: string,
  atMost: number,
): Check[] {
  const [above, below] = [times.get(subject), times.get(peer)];
  if (above === undefined || below === undefined) return [];
  const values = { subjectValue: spread(above).median, peerValue: spread(below).median };
  return [
    { work: 'start', subject, peer, ratio: ratio(above, below), unit: 'ms', ...values, atMost },
  ];
}
