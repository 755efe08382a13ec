import type { MethodKind } from '../spec/method.js';
import type { AnyMessage } from '../spec/status.js';
import type { PayloadCodec } from './payload-codec.js';

/** One rpc of a service: its names, its shape and how its messages are encoded. */
export interface MethodDefinition<Request = unknown, Response = unknown> {
  /** Full proto name of the service: `pkg.Service`. */
  readonly service: string;
  /** The rpc's name as in the .proto: `SayHello`. */
  readonly name: string;
  readonly kind: MethodKind;
  readonly request: PayloadCodec<Request>;
  readonly response: PayloadCodec<Response>;
  /** Opens a status detail; `undefined` when its type is unknown or its bytes are not of it. */
  readonly decodeDetail?: (detail: AnyMessage) => unknown;
}

/** A service and its methods. */
export interface ServiceDefinition {
  /** Full proto name: `pkg.Service`. */
  readonly name: string;
  /** In the order of the .proto. */
  readonly methods: readonly MethodDefinition[];
}
