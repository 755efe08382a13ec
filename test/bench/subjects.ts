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
  readonly streams: boolean;
  /** Takes part in every work, and in quick runs. */
  readonly main: boolean;
}

const node = (peer: string): Role => ({ program: 'node', peer });
const GO: Role = { program: 'go', peer: 'go' };

const BOTH = { streams: true, main: false };

export const SUBJECTS: readonly Subject[] = [
  { ...same('raw', 'raw net, echo of a frame'), main: true },
  { ...same('engine', 'engine, callbacks'), main: true },
  same('engine-promises', 'engine, promises'),
  { ...same('nest', 'Nest, with timeout and metadata'), main: true },
  same('nest-plain', 'Nest, message alone'),
  { ...BOTH, name: 'go', title: 'Go ttrpc 1.2.8', server: GO, client: GO, main: true },
  { ...BOTH, name: 'nest-go', title: 'Nest server, Go client', server: node('nest'), client: GO },
  { ...BOTH, name: 'go-nest', title: 'Go server, Nest client', server: GO, client: node('nest') },
  { ...same('grpc-js', 'grpc-js'), main: true },
  { ...same('nest-grpc', "Nest's gRPC transport"), main: true },
  { ...same('nest-tcp', "Nest's TCP transport"), streams: false },
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
  if (work.job.call === 'pour' && !subject.streams) return false;
  return work.everybody || subject.main;
}

/** Who is compared with whom. */
export const COMPARISONS: readonly (readonly [subject: string, peer: string])[] = [
  ['engine', 'raw'],
  ['engine', 'go'],
  ['engine', 'grpc-js'],
  ['engine', 'engine-promises'],
  ['engine', 'engine@base'],
  ['engine-promises', 'engine-promises@base'],
  ['nest', 'raw'],
  ['nest', 'go'],
  ['nest', 'grpc-js'],
  ['nest', 'nest-grpc'],
  ['nest', 'nest-tcp'],
  ['nest', 'nest@base'],
  ['nest-go', 'go'],
  ['go-nest', 'go'],
];
