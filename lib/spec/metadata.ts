/**
 * Request metadata: ordered pairs of strings whose keys are lower case and may repeat.
 *
 * Source: containerd/ttrpc `metadata.go`, `request.proto` (`KeyValue`). The methods are those of
 * grpc-js's `Metadata`, so that code written for gRPC reads and writes it unchanged.
 */
export class Metadata {
  #pairs: [key: string, value: string][] | undefined;
  #load: (() => [key: string, value: string][]) | undefined;

  /**
   * @param load - gives the pairs on first use; keys must be lower case. Absent: empty metadata.
   */
  constructor(load?: () => [key: string, value: string][]) {
    this.#load = load;
  }

  /** Makes `value` the only one of `key`. */
  set(key: string, value: string): void {
    this.remove(key);
    this.add(key, value);
  }

  /** Adds `value` behind those that `key` has. */
  add(key: string, value: string): void {
    this.#list().push([normalizeKey(key), checkedValue(key, value)]);
  }

  /** Forgets every value of `key`. */
  remove(key: string): void {
    const wanted = normalizeKey(key);
    this.#pairs = this.#list().filter(([name]) => name !== wanted);
  }

  /** The values of `key`, in order; empty when it has none. */
  get(key: string): string[] {
    const wanted = normalizeKey(key);
    const values: string[] = [];
    for (const [name, value] of this.#list()) if (name === wanted) values.push(value);
    return values;
  }

  /** The first value of each key, by key. */
  getMap(): Record<string, string> {
    const map: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [name, value] of this.#list()) map[name] ??= value;
    return map;
  }

  /** Every value of each key, by key. */
  toJSON(): Record<string, string[]> {
    const map: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    for (const [name, value] of this.#list()) (map[name] ??= []).push(value);
    return map;
  }

  /** An independent copy. */
  clone(): Metadata {
    const copy = new Metadata();
    copy.merge(this);
    return copy;
  }

  /** Adds every pair of `other` behind these. */
  merge(other: Metadata): void {
    const pairs = [...other];
    // One by one, since a peer may send more of them than a function takes arguments.
    for (const [name, value] of pairs) this.#list().push([name, value]);
  }

  /** The pairs, in order. */
  [Symbol.iterator](): IterableIterator<readonly [key: string, value: string]> {
    return this.#list()[Symbol.iterator]();
  }

  /** @internal The pairs, in order: for what reads them without an iterator. */
  get pairs(): readonly (readonly [key: string, value: string])[] {
    return this.#list();
  }

  /** Number of pairs. */
  get size(): number {
    return this.#list().length;
  }

  #list(): [string, string][] {
    if (this.#pairs === undefined) {
      this.#pairs = this.#load?.() ?? [];
      this.#load = undefined;
    }
    return this.#pairs;
  }
}

/** What a user may hand over as metadata; grpc-js's `Metadata` is one of these by its `toJSON`. */
export type MetadataInit =
  | Metadata
  | {
      /** The values of each key. */
      toJSON(): Record<string, readonly unknown[]>;
    }
  | ReadonlyMap<string, string | readonly string[]>
  | Readonly<Record<string, string | readonly string[]>>;

/**
 * Reads whatever a user handed over as metadata.
 *
 * @throws TypeError naming the key when a value is not a string: ttrpc has no binary metadata
 */
export function toMetadata(given: MetadataInit | undefined): Metadata {
  if (given instanceof Metadata) return given;
  const metadata = new Metadata();
  if (given === undefined) return metadata;
  for (const [key, values] of pairsOf(given)) {
    if (!Array.isArray(values)) metadata.add(key, values as string);
    else for (const value of values) metadata.add(key, value as string);
  }
  return metadata;
}

function pairsOf(given: Exclude<MetadataInit, Metadata>): Iterable<[string, unknown]> {
  if (given instanceof Map) return given as ReadonlyMap<string, unknown>;
  if ('toJSON' in given && typeof given.toJSON === 'function')
    return Object.entries(given.toJSON());
  return Object.entries(given);
}

function normalizeKey(key: string): string {
  if (typeof key !== 'string' || key === '') {
    throw new TypeError(`metadata key must be a non-empty string, got ${describe(key)}`);
  }
  return key.toLowerCase();
}

function checkedValue(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`metadata value of "${key}" must be a string, got ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === '') return 'an empty string';
  return value === null ? 'null' : Buffer.isBuffer(value) ? 'a Buffer' : typeof value;
}
