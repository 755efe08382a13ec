/**
 * The four shapes of a call and the name it goes by.
 *
 * Source: containerd/ttrpc `PROTOCOL.md`, "Streaming"; `services.go` (`fullPath`).
 */

/** Shape of a call, seen by its user. */
export type MethodKind = 'unary' | 'serverStreaming' | 'clientStreaming' | 'bidirectional';

/** Which side sends more than one message, by kind. */
export const METHOD_SHAPES = {
  unary: { requestStream: false, responseStream: false },
  serverStreaming: { requestStream: false, responseStream: true },
  clientStreaming: { requestStream: true, responseStream: false },
  bidirectional: { requestStream: true, responseStream: true },
} as const satisfies Record<MethodKind, { requestStream: boolean; responseStream: boolean }>;

/** The kind whose sides stream as given. */
export function methodKind(requestStream: boolean, responseStream: boolean): MethodKind {
  if (requestStream) return responseStream ? 'bidirectional' : 'clientStreaming';
  return responseStream ? 'serverStreaming' : 'unary';
}

/** The full method name that logs, interceptors and spans show: `/pkg.Service/Method`. */
export function fullMethod(service: string, method: string): string {
  return `/${service}/${method}`;
}
