import { isIdentifier } from './identifier.js';

/** What containerd asks a shim to do; `serve` is what a shim asks its daemon to do. */
export type ShimAction = 'start' | 'delete' | 'serve' | 'version' | 'info';

/** What containerd says to a shim by its arguments. */
export interface ShimArguments {
  /** What to do. */
  readonly action: ShimAction;
  /** containerd's namespace. */
  readonly namespace: string;
  /** The container's id. */
  readonly id: string;
  /** containerd's gRPC socket, a path. */
  readonly address: string;
  /** containerd's own program, which publishes events for who can't speak ttrpc. */
  readonly publishBinary: string;
  /** The bundle's folder; empty where it is the working directory. */
  readonly bundle: string;
  /** Where the daemon is to listen; empty for all other actions. */
  readonly socket: string;
  /** Whether containerd wants to read more of the log. */
  readonly debug: boolean;
}

type Values = { -readonly [Key in Exclude<keyof ShimArguments, 'action' | 'debug'>]: string };

const UNSAID: Readonly<Values> = {
  namespace: '',
  id: '',
  address: '',
  publishBinary: '',
  bundle: '',
  socket: '',
};

/** The flags that take a value, and where it goes. */
const VALUES: ReadonlyMap<string, keyof Values> = new Map([
  ['namespace', 'namespace'],
  ['id', 'id'],
  ['address', 'address'],
  ['publish-binary', 'publishBinary'],
  ['bundle', 'bundle'],
  ['socket', 'socket'],
]);

/** The flags that are there or not, and the action that they ask for. */
const SWITCHES: ReadonlyMap<string, ShimAction | undefined> = new Map([
  ['debug', undefined],
  ['v', 'version'],
  ['info', 'info'],
]);

/** What the flag package of Go takes for a boolean. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

const ALLOWED = [...VALUES.keys(), ...SWITCHES.keys()].map((flag) => `-${flag}`).join(', ');

/**
 * Reads a shim's arguments as Go's flag package does, since containerd's own shims do: `-id x`,
 * `-id=x` and `--id x` are the same, `--` ends the flags, and so does the first word that is none.
 *
 * Source: containerd `pkg/shim/shim.go`, `parseFlags` and `run`.
 *
 * @param argv - without the program: `process.argv.slice(2)`
 * @throws TypeError naming the argument that is unknown, missing or wrong, and what is allowed
 */
export function parseShimArguments(argv: readonly string[]): ShimArguments {
  const values: Values = { ...UNSAID };
  const switches = new Map<string, boolean>();
  const rest = [...argv];
  for (let flag = takeFlag(rest); flag !== undefined; flag = takeFlag(rest)) {
    const [, name, value] = flag;
    const key = VALUES.get(name);
    if (key !== undefined) values[key] = value ?? takeValue(name, rest);
    else if (SWITCHES.has(name)) switches.set(name, booleanOf(name, value));
    else throw new TypeError(`unknown flag -${name} of a shim; allowed are ${ALLOWED}`);
  }
  const debug = switches.get('debug') === true;
  const action = actionOf(rest, switches, values.socket);
  const shim = { ...values, action, debug };
  if (action !== 'version' && action !== 'info') check(shim);
  return shim;
}

type Flag = [text: string, name: string, value: string | undefined];

/** Takes the next flag off; `undefined` where there is none any more. */
function takeFlag(rest: string[]): Flag | undefined {
  const [next = ''] = rest;
  const flag = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(next);
  if (flag !== null || next === '--') rest.shift();
  return (flag as Flag | null) ?? undefined;
}

function takeValue(name: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new TypeError(`the flag -${name} of a shim needs a value`);
  return value;
}

function booleanOf(name: string, text = 'true'): boolean {
  const value = BOOLEANS.get(text);
  if (value === undefined) throw new TypeError(`-${name} must be true or false, got ${text}`);
  return value;
}

function actionOf(
  [word, ...more]: readonly string[],
  switches: ReadonlyMap<string, boolean>,
  socket: string,
): ShimAction {
  for (const [name, action] of SWITCHES) {
    if (action !== undefined && switches.get(name) === true) return action;
  }
  if (more.length === 0 && (word === 'start' || word === 'delete')) return word;
  if (word === undefined && socket !== '') return 'serve';
  const got = [word, ...more].join(' ') || 'neither';
  throw new TypeError(`a shim can start or delete, or serve a -socket, got ${got}`);
}

function check({ namespace, id }: ShimArguments): void {
  if (namespace === '') throw new TypeError('a shim needs its -namespace, got none');
  if (isIdentifier(id)) return;
  throw new TypeError(
    `-id must be letters and digits, joined by ".", "_" or "-", got ${JSON.stringify(id)}`,
  );
}
