import { lastValueFrom, type Observable } from 'rxjs';
import type { TtrpcClient } from '../engine/client.js';
import { payloadCodec } from '../rpc/payload-codec.js';
import type { MethodKind } from '../spec/method.js';
import { createMethod, type StubClient } from './service-stub.js';

/** What the clients of ts-proto's `outputServices=default` call through: messages as bytes. */
export interface TsProtoRpc {
  /** A unary call; it is made at once. */
  request(service: string, method: string, data: Uint8Array): Promise<Uint8Array>;
  /** A call that streams requests; it is made at once. */
  clientStreamingRequest(
    service: string,
    method: string,
    data: Observable<Uint8Array>,
  ): Promise<Uint8Array>;
  /** A call that streams responses; it is made by each `subscribe`. */
  serverStreamingRequest(service: string, method: string, data: Uint8Array): Observable<Uint8Array>;
  /** A call that streams in both directions; it is made by each `subscribe`. */
  bidirectionalStreamingRequest(
    service: string,
    method: string,
    data: Observable<Uint8Array>,
  ): Observable<Uint8Array>;
}

const BYTES = payloadCodec<Uint8Array>({ encode: (bytes) => bytes, decode: (bytes) => bytes });

/**
 * The `Rpc` of ts-proto's `outputServices=default`. Its streams are cold Observables, and
 * unsubscribing cancels the call.
 *
 * @example
 * ```ts
 * const heroes = new HeroServiceClientImpl(createRpc(client.unwrap()));
 * ```
 */
export function createRpc(client: TtrpcClient): TsProtoRpc {
  const stubs: StubClient = {
    engine: () => client,
    // Whoever made the engine's client knows; without any, the same call is made.
    intercepted: true,
    dispatchHook: () => undefined,
    serializeError: (error) => error,
  };
  const call = (
    service: string,
    name: string,
    kind: MethodKind,
    data: unknown,
  ): Observable<Uint8Array> => {
    const method = createMethod(stubs, { service, name, kind, request: BYTES, response: BYTES });
    return method(data) as Observable<Uint8Array>;
  };
  return {
    request: (service, method, data) => lastValueFrom(call(service, method, 'unary', data)),
    clientStreamingRequest: (service, method, data) =>
      lastValueFrom(call(service, method, 'clientStreaming', data)),
    serverStreamingRequest: (service, method, data) =>
      call(service, method, 'serverStreaming', data),
    bidirectionalStreamingRequest: (service, method, data) =>
      call(service, method, 'bidirectional', data),
  };
}
