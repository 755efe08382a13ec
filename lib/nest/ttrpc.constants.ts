/** Transport id of ttrpc: what hooks and instrumentation are told, and what `@Ttrpc…` handlers name. */
export const TTRPC_TRANSPORT: unique symbol = Symbol('TTRPC');

/** Injection token of the client that `TtrpcModule` makes when it is given no name. */
export const TTRPC_CLIENT: unique symbol = Symbol('TTRPC_CLIENT');
