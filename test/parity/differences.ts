import type { ParityTransport } from './transports.js';

/** Something that an application sees when it changes the transport. */
export interface Difference {
  readonly id: string;
  readonly what: string;
  readonly gRPC: string;
  readonly ttrpc: string;
  readonly reason: string;
}

/** Nothing comes until the caller's deadline has passed. */
export const NO_ANSWER = 'no answer';

/** Node ends the process for an error that nobody catches. */
export const PROCESS_ENDS = 'the process ends';

/** The README has the same rows, without the ids. */
export const DIFFERENCES = [
  {
    id: 'response-headers',
    what: 'headers that a handler sends (sendMetadata)',
    gRPC: 'arrive',
    ttrpc: 'do not arrive',
    reason: 'a response has no metadata on the wire; the call goes on',
  },
  {
    id: 'one-empty',
    what: 'a handler of one response completes without one',
    gRPC: NO_ANSWER,
    ttrpc: '13 INTERNAL: The handler completed without emitting a response',
    reason: 'a call must end',
  },
  {
    id: 'collect-undefined',
    what: 'a client-streaming handler gives undefined',
    gRPC: NO_ANSWER,
    ttrpc: 'an empty message',
    reason: 'handlers of empty responses return nothing',
  },
  {
    id: 'undefined',
    what: 'any other handler gives undefined where the response has fields',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: 'an empty message',
    reason: 'handlers of empty responses return nothing',
  },
  {
    id: 'one-twice',
    what: 'a unary handler emits first and last',
    gRPC: NO_ANSWER,
    ttrpc: 'first',
    reason: 'a call has one response; the Observable is unsubscribed from',
  },
  {
    id: 'array-of-one',
    what: 'a handler of one response returns an array',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: '13 INTERNAL: response message can not be serialised',
    reason: 'the text goes on to say why',
  },
  {
    id: 'array-of-many',
    what: 'a handler of a stream returns the array first, last',
    gRPC: '13 INTERNAL: Error serializing response',
    ttrpc: 'first, last',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-one',
    what: 'a unary handler is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'first',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-collect',
    what: 'a client-streaming handler is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'last',
    reason: 'iterables are streams',
  },
  {
    id: 'generator-of-many',
    what: 'a handler of a stream is a generator of first, last',
    gRPC: 'an empty message',
    ttrpc: 'first, last',
    reason: 'iterables are streams',
  },
  {
    id: 'failed-requests',
    what: 'the requests of a call that its handler has failed',
    gRPC: 'fail',
    ttrpc: 'complete',
    reason: 'the call is over',
  },
  {
    id: 'raw-throws',
    what: 'a pass-through handler throws RpcException',
    gRPC: PROCESS_ENDS,
    ttrpc: '3 INVALID_ARGUMENT: echo rejected',
    reason: 'a call must end, and not the process',
  },
  {
    id: 'raw-denied',
    what: 'a guard denies a pass-through handler',
    gRPC: PROCESS_ENDS,
    ttrpc: '7 PERMISSION_DENIED: Forbidden resource',
    reason: 'a call must end, and not the process',
  },
] as const satisfies readonly Difference[];

export type DifferenceId = (typeof DIFFERENCES)[number]['id'];

/** What the table has for a transport. */
export function recorded(id: DifferenceId, { name }: ParityTransport): string {
  const found: readonly Difference[] = DIFFERENCES.filter((one) => one.id === id);
  return (found[0] as Difference)[name];
}
