/** Ends the shim, when the calls in flight are answered. */
export type Shutdown = () => void;

/** Its token. */
export const SHUTDOWN = Symbol('SHUTDOWN');
