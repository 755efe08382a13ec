import type { Call } from './protocol.js';
import type { Work } from './works.js';

/** The program that a role runs in: the Node one (host.ts), that one with another `lib`, or Go's. */
export type Program = 'node' | 'base' | 'go';

export interface Role {
  readonly program: Program;
  readonly peer: string;
}

/** A server and a client that are measured together. */
export interface Subject {
  readonly name: string;
  /** What the table says. */
  readonly title: string;
  readonly server: Role;
  readonly client: Role;
  /** What it can do. */
  readonly calls: readonly Call[];
  /** Takes part in every work, and in quick runs. */
  readonly main: boolean;
}

const node = (peer: string): Role => ({ program: 'node', peer });
const GO: Role = { program: 'go', peer: 'go' };

const BOTH = { calls: ['echo', 'lift', 'pour', 'drip', 'gather', 'ferry'], main: false } as const;

export const SUBJECTS: readonly Subject[] = [
  { ...same('raw', 'raw net, echo of a frame'), calls: ['echo', 'lift', 'pour'], main: true },
  { ...same('engine', 'engine, callbacks'), main: true },
  { ...same('engine-promises', 'engine, promises'), calls: ['echo', 'pour'] },
  { ...same('nest', 'Nest, with timeout and metadata'), main: true },
  { ...same('nest-promises', 'Nest, the same with promises'), calls: ['echo'] },
  same('nest-plain', 'Nest, message alone'),
  { ...BOTH, name: 'go', title: 'Go ttrpc 1.2.8', server: GO, client: GO, main: true },
  { ...BOTH, name: 'nest-go', title: 'Nest server, Go client', server: node('nest'), client: GO },
  { ...BOTH, name: 'go-nest', title: 'Go server, Nest client', server: GO, client: node('nest') },
  { ...same('grpc-js', 'grpc-js'), main: true },
  { ...same('nest-grpc', "Nest's gRPC transport"), main: true },
  { ...same('nest-tcp', "Nest's TCP transport"), calls: ['echo'] },
];

function same(peer: string, title: string): Subject {
  return { ...BOTH, name: peer, title, server: node(peer), client: node(peer) };
}

/** The subjects that are made of this package's code alone, with another revision's. */
export function baseSubjects(revision: string): Subject[] {
  return SUBJECTS.filter(({ name }) => ['engine', 'engine-promises', 'nest'].includes(name)).map(
    ({ name, title, ...subject }) => ({
      ...subject,
      name: `${name}@base`,
      title: `${title}, at ${revision}`,
      server: { program: 'base', peer: name },
      client: { program: 'base', peer: name },
      main: true,
    }),
  );
}

export function takesPart(subject: Subject, work: Work): boolean {
  return subject.calls.includes(work.job.call) && (work.everybody || subject.main);
}

/** Who is compared with whom. */
export const COMPARISONS: readonly (readonly [subject: string, peer: string])[] = [
  ['engine', 'raw'],
  ['engine', 'go'],
  ['engine', 'grpc-js'],
  ['engine', 'engine-promises'],
  ['engine', 'engine@base'],
  ['engine-promises', 'engine-promises@base'],
  ['nest-promises', 'nest'],
  ['nest', 'raw'],
  ['nest', 'go'],
  ['nest', 'grpc-js'],
  ['nest', 'nest-grpc'],
  ['nest', 'nest-tcp'],
  ['nest', 'nest@base'],
  ['nest-go', 'go'],
  ['go-nest', 'go'],
];
