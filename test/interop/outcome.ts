/** What a case is run with; each case reads what it needs. `number` is a string, being an int64. */
export interface Options {
  readonly metadata?: readonly (readonly [key: string, value: string])[];
  readonly timeoutMs?: number;
  readonly text?: string;
  readonly number?: string;
  /** In base64. */
  readonly data?: string;
  readonly code?: number;
  readonly message?: string;
  readonly detail?: string;
  readonly milliseconds?: number;
  readonly bytes?: number;
  readonly count?: number;
  readonly failAfter?: number;
  readonly numbers?: readonly number[];
  readonly texts?: readonly string[];
}

/** A message received, as JSON: 64-bit numbers are strings, bytes are base64. */
export type Reply = Readonly<Record<string, unknown>>;

/** What a client observed; the same from every language. */
export interface Outcome {
  /** The status's code; -1 when a foreign client's error is its own and no status. */
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeUrl: string; readonly text: string }[];
  readonly replies: readonly Reply[];
  /** How many of many calls got the answer meant for them. */
  readonly matched: number;
  /** Whether the client still gets answers afterwards. */
  readonly alive: boolean;
}

/** Makes comparable: Go writes an empty list as null; times and long texts are summed up. */
export function outcome(given: Partial<Outcome>): Outcome {
  return {
    code: given.code ?? 0,
    message: given.message ?? '',
    details: given.details ?? [],
    replies: (given.replies ?? []).map(tidy),
    matched: given.matched ?? 0,
    alive: given.alive ?? false,
  };
}

function tidy(reply: Reply): Reply {
  const entries = Object.entries(reply).map(([key, value]) => [key, tidyValue(key, value)]);
  return Object.fromEntries(entries) as Reply;
}

function tidyValue(key: string, value: unknown): unknown {
  if (value === null) return key === 'data' ? '' : [];
  if (key === 'timeoutNano') return timeLeft(BigInt(value as string));
  if (typeof value !== 'string' || value.length <= 100) return value;
  const length = key === 'data' ? Buffer.byteLength(value, 'base64') : Buffer.byteLength(value);
  return `${length} bytes`;
}

function timeLeft(nanos: bigint): string {
  if (nanos === 0n) return 'none';
  return nanos > 0n && nanos <= 5_000_000_000n ? 'up to 5 s' : `${nanos} ns`;
}
