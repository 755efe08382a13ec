import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isIdentifier } from './identifier.js';

/** The folder of all bundles, below containerd's `state`. */
const BUNDLES = 'io.containerd.runtime.v2.task';

/** What containerd's `state` is where its configuration does not say. */
const DEFAULT_STATE = '/run/containerd';

/** A task's bundle, and the shim that serves it. */
export interface ShimBundle {
  /** The task's id. */
  readonly id: string;
  /** containerd's namespace. */
  readonly namespace: string;
  /** The folder with the task's `config.json`. */
  readonly bundle: string;
  /** Where the shim listens, as a client takes it. The tasks of a pod may share a shim. */
  readonly address: string;
  /** `ttrpc`, or `grpc`, which this library does not speak. */
  readonly protocol: string;
  /** Version of the task API: 2 or later. */
  readonly version: number;
}

/** A bundle whose shim can't be told. */
export interface UnreadableBundle {
  /** Its folder. */
  readonly bundle: string;
  /** Names the file, and what is wrong with it. */
  readonly error: Error;
}

/** What a search has found, both in the order of namespaces and ids. */
export interface FoundShims {
  /** Each task's; those that share a shim have its address each. */
  readonly shims: readonly ShimBundle[];
  /** What was left out. */
  readonly unreadable: readonly UnreadableBundle[];
}

/** Where to look for bundles. */
export interface FindShimsOptions {
  /**
   * containerd's `state` folder. Root owns it, and nobody else may read it.
   * @defaultValue `/run/containerd`
   */
  readonly state?: string | undefined;
  /**
   * containerd's namespace: `k8s.io` has a node's pods, `moby` has Docker's containers.
   * @defaultValue all of them
   */
  readonly namespace?: string | undefined;
}

/**
 * Finds the tasks that containerd has, and where the shim of each listens.
 *
 * What comes or goes meanwhile may be missed, and a shim that was killed is found for as long as its
 * bundle is there: whether one answers, a call tells.
 *
 * @throws TypeError when a namespace is none
 * @throws Error of the file system when the folder can't be read; that there is none is no error
 */
export async function findShims(options: FindShimsOptions = {}): Promise<FoundShims> {
  const { state = DEFAULT_STATE, namespace } = options;
  const folder = join(state, BUNDLES);
  const shims: ShimBundle[] = [];
  const unreadable: UnreadableBundle[] = [];
  for (const space of namespace === undefined ? await folders(folder) : [named(namespace)]) {
    for (const id of await folders(join(folder, space))) {
      const bundle = join(folder, space, id);
      try {
        const where = await readShimAddress(bundle);
        if (where !== undefined) shims.push({ id, namespace: space, bundle, ...where });
      } catch (error) {
        unreadable.push({ bundle, error: error as Error });
      }
    }
  }
  return { shims, unreadable };
}

/**
 * Reads from a bundle where its shim listens: `bootstrap.json`, which containerd 2 writes, or else
 * `address`, which shims write for 1.6 and 1.7.
 *
 * @returns `undefined` when there is neither: the shim is about to start, or has gone
 * @throws TypeError naming the file, when it does not say it
 */
export async function readShimAddress(
  bundle: string,
): Promise<Pick<ShimBundle, 'address' | 'protocol' | 'version'> | undefined> {
  const path = join(bundle, 'bootstrap.json');
  const bootstrap = await content(path);
  if (bootstrap !== undefined) return parseBootstrap(bootstrap, path);
  const address = (await content(join(bundle, 'address')))?.trim();
  return address ? { address, protocol: 'ttrpc', version: 2 } : undefined;
}

function parseBootstrap(
  text: string,
  path: string,
): Pick<ShimBundle, 'address' | 'protocol' | 'version'> {
  const { address, protocol, version } = objectOf(text, path);
  if (typeof address === 'string' && typeof protocol === 'string' && Number.isInteger(version)) {
    return { address, protocol, version: version as number };
  }
  throw new TypeError(
    `${path} must have a version, an address and a protocol, got ${text.slice(0, 200)}`,
  );
}

function objectOf(text: string, path: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch (cause) {
    throw new TypeError(`${path} must be JSON, got ${text.slice(0, 200)}`, { cause });
  }
}

function named(namespace: string): string {
  if (isIdentifier(namespace)) return namespace;
  throw new TypeError(
    `namespace must be letters and digits, joined by ".", "_" or "-", got ${JSON.stringify(namespace)}`,
  );
}

async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return names.toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function content(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
