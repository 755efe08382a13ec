/**
 * Longest path of a unix socket, in bytes; the terminating zero does not count.
 *
 * libuv cuts a longer one off silently, or fails in words that do not name the length.
 *
 * Source: `sun_path` in unix(7), Linux (108 bytes) and unix(4), macOS and the BSDs (104 bytes).
 *
 * @param os - as `process.platform`
 */
export function socketPathLimit(os: string = process.platform): number {
  return os === 'linux' || os === 'android' ? 107 : 103;
}
