import { measure } from '../measure.js';
import { number, table } from '../report.js';
import { SUBJECTS, type Role } from '../subjects.js';
import { worksOf } from '../works.js';
import { GO, keptBytes, node, withPair } from './pair.js';
import { once, verdicts, type Check, type Figure, type Setup, type Study } from './study.js';

const CONNECTIONS = 5000;
const CONNECTIONS_QUICK = 1000;
const LOADED = ['raw', 'engine', 'nest', 'go', 'grpc-js', 'nest-grpc'];
/** Those that come first warm the server up and are not counted. */
const FIRST_SHARE = 0.2;
const ONE_CALL = { call: 'echo', inFlight: 1, count: 1, size: 0, milliseconds: 1 } as const;

/** Whose connections are counted: only the server is measured, so clients are the lightest that fit. */
const HELD: readonly (readonly [name: string, server: Role, client: Role])[] = [
  ['raw', node('raw'), node('raw')],
  ['engine', node('engine'), node('engine')],
  ['nest', node('nest'), node('engine')],
  ['go', GO, node('engine')],
  ['grpc-js', node('grpc-js'), node('grpc-js')],
  ['nest-grpc', node('nest-grpc'), node('grpc-js')],
];

/** What servers take at most under load, and what a connection takes that does nothing. */
export const memory: Study = {
  name: 'memory',
  async run(setup) {
    const peaks = await peaksUnderLoad(setup);
    const held = await idleConnections(setup);
    const checks = [
      ...compare('memory-peak', peaks, ['nest', 'nest-grpc'], { atMost: 0.7 }),
      ...compare('memory-peak', peaks, ['engine', 'raw'], { atMost: 10, by: 'difference' }),
      ...['engine', 'nest'].flatMap((subject) => [
        ...compare('idle-connection', held, [subject, 'grpc-js'], { atMost: 1 / 4 }),
        ...compare('idle-connection', held, [subject, 'go'], { atMost: 1 / 2 }),
        ...compare('idle-connection', held, [subject, 'raw'], { atMost: Infinity }),
      ]),
    ];
    const rows = [...peaks, ...held].map(({ work, subject, at, unit, value }) => [
      `${work}, ${subject}`,
      number(at),
      unit,
      number(value),
    ]);
    const text = [
      "## memory: a server's peak with 64 calls in flight; its growth with each idle connection that a call was made on\n",
      table(['server', 'calls in flight or connections', 'unit', 'value'], rows),
      verdicts(checks),
    ].join('\n');
    return { text, checks, figures: [...peaks, ...held] };
  },
};

async function peaksUnderLoad({ options, cores, go, say }: Setup): Promise<Figure[]> {
  const work = worksOf(options.quick).find(
    (each) => each.name === 'unary' && each.inFlight === 64,
  )!;
  const subjects = SUBJECTS.filter(({ name }) => LOADED.includes(name) && (go || name !== 'go'));
  const results = await measure(work, subjects, { options, cores, say });
  return results.map(({ subject, serverPeak }) => ({
    work: 'memory-peak',
    subject: subject.name,
    at: work.inFlight,
    unit: 'MB',
    value: serverPeak / 1e6,
  }));
}

async function idleConnections({ options, go, say }: Setup): Promise<Figure[]> {
  const connections = options.quick ? CONNECTIONS_QUICK : CONNECTIONS;
  const first = connections * FIRST_SHARE;
  const figures: Figure[] = [];
  for (const [subject, server, client] of HELD.filter(([name]) => go || name !== 'go')) {
    const bytes = await withPair(server, client, undefined, async (pair) => {
      const rssWith = async (held: number): Promise<number> => {
        await pair.client.drive({ ...ONE_CALL, connections: held });
        return keptBytes(pair.server);
      };
      const before = await rssWith(first);
      return ((await rssWith(connections)) - before) / (connections - first);
    });
    say(`memory: ${subject}, ${number(bytes / 1024)} KiB a connection`);
    const at = connections;
    figures.push({ work: 'idle-connection', subject, at, unit: 'KiB', value: bytes / 1024 });
  }
  return figures;
}

/** None where one of both was not measured. */
function compare(
  work: string,
  figures: readonly Figure[],
  [subject, peer]: readonly [string, string],
  limit: Pick<Check, 'atMost' | 'by'>,
): Check[] {
  const above = figures.find((figure) => figure.subject === subject);
  const below = figures.find((figure) => figure.subject === peer);
  if (above === undefined || below === undefined) return [];
  const [subjectValue, peerValue] = [above.value, below.value];
  const ratio = once(subjectValue, peerValue);
  return [{ work, subject, peer, ratio, unit: above.unit, subjectValue, peerValue, ...limit }];
}
