import type { RequestHandler, ServerConnection } from '../protocol/server-connection.js';
import { Flag } from '../spec/frame.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { StatusCode } from '../spec/status.js';
import type { RequestView } from '../wire/request-codec.js';
import type { Peer } from './call.js';
import { RequestBudget } from './request-budget.js';
import {
  keepRequest,
  ServerCall,
  type CallEnvironment,
  type ServerCallSettings,
} from './server-call.js';
import type { Route, ServiceRegistry } from './service-registry.js';

/** Characters of a peer's name that an answer repeats. */
const MAX_ECHO = 200;

/**
 * Leads the requests of one connection to their handlers.
 *
 * Source: containerd/ttrpc `services.go` (`handle`); the wording of what is unknown is Go's.
 */
export class Dispatcher implements RequestHandler {
  readonly #registry: ServiceRegistry;
  readonly #peer: Peer;
  readonly #settings: ServerCallSettings;
  #environment: CallEnvironment | undefined;

  constructor(registry: ServiceRegistry, peer: Peer, settings: ServerCallSettings) {
    this.#registry = registry;
    this.#peer = peer;
    this.#settings = settings;
  }

  onRequest(
    connection: ServerConnection,
    streamId: number,
    flags: number,
    view: RequestView,
  ): void {
    const route = this.#registry.find(view);
    if (route === undefined) {
      const status = { code: StatusCode.Unimplemented, message: this.#unknown(view), details: [] };
      return connection.reject(streamId, status);
    }
    if (view.timeoutNano < 0) {
      const code = StatusCode.DeadlineExceeded;
      return connection.reject(streamId, { code, message: 'deadline exceeded', details: [] });
    }
    this.#environment ??= {
      connection,
      peer: this.#peer,
      settings: this.#settings,
      requests: new RequestBudget(connection),
    };
    if (this.#environment.requests.full) return refuse(connection, streamId);
    const { requestStream } = METHOD_SHAPES[route.method.kind];
    // Flags 0 (unary) and 1 (remote-closed) both say that nothing follows.
    const open = requestStream && (flags & Flag.RemoteOpen) !== 0;
    const call = new ServerCall(
      this.#environment,
      streamId,
      route.method,
      keepRequest(view, !open),
    );
    if (hasMessage(view, flags, open)) {
      call.accept(view.bytes, view.payloadStart, view.payloadEnd);
    }
    if (!open) call.requests?.end();
    if (call.active) run(route, call);
  }

  #unknown(view: RequestView): string {
    const { service } = view;
    return this.#registry.hasService(service)
      ? `method ${view.method.slice(0, MAX_ECHO)}`
      : `service ${service.slice(0, MAX_ECHO)}`;
  }
}

/** The requests of running calls take all the memory there is for them. */
function refuse(connection: ServerConnection, streamId: number): void {
  const { maxReceiveBufferBytes, stallTimeoutMs } = connection.options;
  connection.counters.refusedRequests++;
  const message =
    `too much is kept for running calls: more than ${maxReceiveBufferBytes} bytes for longer ` +
    `than ${stallTimeoutMs} ms (maxReceiveBufferBytes, stallTimeoutMs)`;
  connection.reject(streamId, { code: StatusCode.ResourceExhausted, message, details: [] });
}

/**
 * A payload in a remote-open request is message number one, and an empty one there is no message;
 * an empty payload anywhere else is an empty message.
 */
function hasMessage(view: RequestView, flags: number, open: boolean): boolean {
  if (!open) return true;
  return (flags & Flag.NoData) === 0 && view.payloadEnd > view.payloadStart;
}

function run(route: Route, call: ServerCall): void {
  try {
    route.handler(call);
  } catch (error) {
    call.fail(error);
  }
}
