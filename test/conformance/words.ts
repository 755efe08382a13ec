import { payload } from './rule.js';

// Messages of interop.proto, in hex.
/** Message: text "a". */
export const A = '0a01 61';
/** Message: text "b". */
export const B = '0a01 62';
/** Number 1, 2, 3. */
export const [ONE, TWO, THREE] = ['0801', '0802', '0803'];
/** Pause of a minute. */
export const MINUTE = '08 e0d403';
/** Size of 4 MiB. */
export const FOUR_MIB = '08 80808002';

/** The payload of an Echo of {@link A}. */
export const ECHO_A = payload(A);
/** The answer to data on stream 1 when that is not open. */
export const GONE = 'response 1 INVALID_ARGUMENT "StreamID is no longer active"';

/** Odd ids of so many calls. */
export const ids = (count: number): number[] =>
  Array.from({ length: count }, (_, at) => 2 * at + 1);
