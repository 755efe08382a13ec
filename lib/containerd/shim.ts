import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseAddress } from '../transport/address.js';
import { dial } from '../transport/dial.js';
import { removeStaleSocket } from '../transport/socket-file.js';
import {
  formatDeleteAnswer,
  formatInfoAnswer,
  type DeadContainer,
  type ShimIdentity,
} from './shim-answers.js';
import { parseShimArguments, type ShimArguments } from './shim-arguments.js';
import {
  formatShimAnswer,
  readShimInput,
  type ShimAnswer,
  type ShimInput,
} from './shim-bootstrap.js';
import { readShimAddress } from './shim-bundles.js';
import { reportListening, startShimDaemon } from './shim-daemon.js';
import { shimSocketPath } from './shim-socket.js';

/** What is read of a bundle's `config.json`. */
export interface BundleConfig {
  /** What clients have written to the container; Kubernetes' sandbox among it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A shim: what a program has to bring along. */
export interface ShimProgram extends ShimIdentity {
  /**
   * The daemon: resolves when a server listens on `shim.socket`, for the containers of one group. It
   * owns its process, and ends it when it is told to shut down.
   */
  serve(shim: ShimArguments): Promise<void>;
  /**
   * Ends what is left of a container and takes it away, whether or not there is a daemon. Also called
   * after a container has ended in order.
   */
  cleanUp(shim: ShimArguments): Promise<DeadContainer>;
  /**
   * What the containers that share a shim have in common; `undefined` where one has its own.
   * @defaultValue {@link groupOfAnnotations}
   */
  readonly groupOf?: ((config: BundleConfig) => string | undefined) | undefined;
  /**
   * How to answer `start`.
   * @defaultValue plainly, with version 2, which every containerd can read
   */
  readonly answer?: ((input: ShimInput) => ShimAnswer) | undefined;
}

/** What clients put containers into one shim by, the strongest first. */
const GROUP_ANNOTATIONS = ['io.containerd.runc.v2.group', 'io.kubernetes.cri.sandbox-id'];

/** How long a socket may take to tell whether somebody listens, in milliseconds. */
const PROBE_MS = 2000;

/** The most that is read of stdin, in bytes. */
const MAX_INPUT = 4 << 20;

/**
 * The groups of containerd's own shim: an annotation of its name, or Kubernetes' sandbox.
 *
 * Source: containerd `cmd/containerd-shim-runc-v2/manager/manager_linux.go`.
 */
export function groupOfAnnotations({ annotations = {} }: BundleConfig): string | undefined {
  return GROUP_ANNOTATIONS.map((name) => annotations[name]).find((group) => group !== undefined);
}

/**
 * The main function of a shim: does what containerd asks for by this process's arguments, and says
 * what went wrong by its exit code and its stderr.
 *
 * `start` finds the daemon of the container's group, or starts this program again as that daemon,
 * writes the bundle's file `address` and answers. Where the sockets' folder is new it is root's only;
 * where it is not, the server's own `socketMode` keeps others out.
 *
 * @example
 * ```ts
 * const server = new TtrpcServer({ socketMode: 0o600 });
 * server.addService(catalog.service('containerd.task.v2.Task'), {});
 * await runShim({
 *   name: 'io.containerd.mine.v1',
 *   version: '1.0.0',
 *   serve: async ({ socket }) => void (await server.listen(`unix://${socket}`)),
 *   cleanUp: async () => ({ exitStatus: 137 }),
 * });
 * ```
 */
export async function runShim(program: ShimProgram): Promise<void> {
  try {
    const answer = await obey(program, process.argv.slice(2), process.stdin);
    if (answer !== undefined) process.stdout.write(answer);
  } catch (error) {
    process.exitCode = 1;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${program.name}: ${reason}\n`);
  }
}

/**
 * Does what the arguments ask for.
 *
 * @param stdin - read for `start` alone
 * @returns what to print
 */
export async function obey(
  program: ShimProgram,
  argv: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const given = parseShimArguments(argv);
  const shim = { ...given, bundle: given.bundle || process.cwd() };
  return ACTIONS[shim.action](program, shim, stdin);
}

type Action = (
  program: ShimProgram,
  shim: ShimArguments,
  stdin: AsyncIterable<Uint8Array>,
) => Promise<Uint8Array | undefined>;

const ACTIONS: Readonly<Record<ShimArguments['action'], Action>> = {
  start,
  serve,
  delete: async (program, shim) => {
    const container = await program.cleanUp(shim);
    await removeDeadSocket(shim.bundle);
    return formatDeleteAnswer(container);
  },
  version: ({ name, version }) => Promise.resolve(Buffer.from(`${name} ${version}\n`)),
  info: (program) => Promise.resolve(formatInfoAnswer(program)),
};

async function start(
  program: ShimProgram,
  shim: ShimArguments,
  stdin: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const input = readShimInput(await readAll(stdin), shim.id);
  const config = await readFile(join(shim.bundle, 'config.json'), 'utf8');
  const { groupOf = groupOfAnnotations } = program;
  const id = groupOf(JSON.parse(config) as BundleConfig) ?? shim.id;
  const socket = shimSocketPath({ ...shim, id, folder: input.params?.socketDir || undefined });
  if (!(await listens(socket))) await startDaemon(shim, socket);
  const address = `unix://${socket}`;
  await writeAddress(shim.bundle, address);
  return formatShimAnswer(address, program.answer?.(input));
}

async function startDaemon(shim: ShimArguments, socket: string): Promise<void> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const { namespace, id, address, publishBinary, bundle, debug } = shim;
  const values = { namespace, id, address, 'publish-binary': publishBinary, bundle, socket };
  const flags = Object.entries(values).map(([name, value]) => `-${name}=${value}`);
  try {
    await startShimDaemon({ args: debug ? ['-debug', ...flags] : flags, bundle });
  } catch (error) {
    // Another of the group may have been faster.
    if (!(await listens(socket))) throw error;
  }
}

async function serve(program: ShimProgram, shim: ShimArguments): Promise<undefined> {
  // Its log has no reader while containerd is away.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await program.serve(shim);
    reportListening();
  } catch (error) {
    reportListening(error);
    throw error;
  }
}

async function readAll(stdin: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Nobody ends what a person types.
  if ((stdin as { isTTY?: boolean }).isTTY === true) return Buffer.alloc(0);
  for await (const chunk of stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_INPUT) throw new TypeError(`stdin of a shim has more than ${MAX_INPUT} bytes`);
  }
  return Buffer.concat(chunks);
}

async function listens(path: string): Promise<boolean> {
  try {
    const stream = await dial(parseAddress(path), { timeoutMs: PROBE_MS });
    stream.destroy();
    return true;
  } catch {
    return false;
  }
}

/** All at once, since containerd 1.6 and 1.7 read it when they come back. */
async function writeAddress(bundle: string, address: string): Promise<void> {
  const fresh = join(bundle, '.address');
  await writeFile(fresh, address);
  await rename(fresh, join(bundle, 'address'));
}

/** The socket of a daemon that was killed; nothing else does it. */
async function removeDeadSocket(bundle: string): Promise<void> {
  const where = await readShimAddress(bundle).catch(() => undefined);
  const address = where && parseAddress(where.address);
  if (address?.kind !== 'unix') return;
  // The other containers of the group may have it yet.
  await removeStaleSocket(address.path, undefined).catch(() => undefined);
}
