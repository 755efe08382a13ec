import { Child } from '../child.js';
import { go, ours } from '../programs.js';
import { TINY_BUFFER } from '../socket-buffers.js';
import { number, table, withFolder, work, type Setup, type Study } from './study.js';

const CALLS = 1_000_000;
const AT_ONCE = 100;
const SIZE = 200_000;

type Name = 'engine' | 'go' | 'nest';

const PAIRS: readonly (readonly [server: Name, client: Name])[] = [
  ['engine', 'engine'],
  ['go', 'engine'],
  ['engine', 'go'],
  ['nest', 'nest'],
];

/** 100 workers send and get 200 KB at once over sockets that hold a hundredth of it. */
export const deadlock: Study = {
  name: 'deadlock',
  async run(setup) {
    const pairs = PAIRS.filter((pair) => setup.go || !pair.includes('go'));
    const rows: (number | string)[][] = [];
    for (const [server, client] of pairs) {
      const begin = performance.now();
      const calls = await liftBetween(server, client, setup);
      const seconds = (performance.now() - begin) / 1000;
      setup.say(`deadlock: ${server} ← ${client}, ${number(calls)} calls in ${number(seconds)} s`);
      rows.push([server, client, calls, seconds, calls / seconds]);
    }
    return [
      `## deadlock: ${AT_ONCE} workers, ${number(SIZE)} bytes each way, socket buffers of ${TINY_BUFFER} bytes (the system doubles them)\n`,
      table(['server', 'client', 'calls without a stall', 'seconds', 'calls/s'], rows),
      setup.go ? '' : '\nGo was left out.',
    ].join('\n');
  },
};

function liftBetween(server: Name, client: Name, setup: Setup): Promise<number> {
  return withFolder(async (path, keep) => {
    const config = { path: path('s'), buffers: TINY_BUFFER };
    const start = async (role: 'call' | 'serve', peer: Name): Promise<Child> =>
      keep(
        await Child.start(
          peer === 'go'
            ? go(setup.programs, { role, ...config })
            : ours(setup.programs, { role, peer, ...config }),
        ),
      );
    const serving = await start('serve', server);
    const calling = await start('call', client);
    const calls = Math.ceil(CALLS * setup.scale);
    let said = 0;
    const tell = (done: number): void => {
      if (done - said < calls / 10) return;
      said = done;
      setup.say(`deadlock: ${server} ← ${client}, ${number(done)} calls`);
    };
    const order = { job: 'lift', calls, atOnce: AT_ONCE, size: SIZE } as const;
    return work<number>(calling, order, [serving, calling], tell);
  });
}
