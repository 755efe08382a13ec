/**
 * What every TCP connection is given; other sockets take no notice.
 *
 * - Without Nagle's delay: the Rust server answers 45 ms later otherwise.
 * - With keep-alive probes: ttrpc has no ping, so nothing else tells of a peer that has lost its
 *   power or its network, and calls without a deadline would wait for it for ever. The idle time
 *   before the first is that of Go's `net` package.
 */
export const TCP_OPTIONS = Object.freeze({
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 15_000,
});
