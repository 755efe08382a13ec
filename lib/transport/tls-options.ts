import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** What Node's `tls.createServer` takes. */
export type ServerTlsOptions = TlsOptions;

/** What Node's `tls.connect` takes. */
export type ClientTlsOptions = ConnectionOptions;
