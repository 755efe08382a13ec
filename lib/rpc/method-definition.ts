import type { MethodKind } from '../spec/method.js';
import type { AnyMessage } from '../spec/status.js';
import type { PayloadCodec } from './payload-codec.js';

/** One rpc of a service: its names, its shape and how its messages are encoded. */
export interface MethodDefinition<
  Request = unknown,
  Response = unknown,
  Kind extends MethodKind = MethodKind,
> {
  /** Full proto name of the service: `pkg.Service`. */
  readonly service: string;
  /** The rpc's name as in the .proto: `SayHello`. */
  readonly name: string;
  /** Which of its sides streams. */
  readonly kind: Kind;
  /** Of its requests. */
  readonly request: PayloadCodec<Request>;
  /** Of its responses. */
  readonly response: PayloadCodec<Response>;
  /** Opens a status detail; `undefined` when its type is unknown or its bytes are not of it. */
  readonly decodeDetail?: (detail: AnyMessage) => unknown;
  /** Encodes a status detail's `message`; throws when its type is unknown or it is not of it. */
  readonly encodeDetail?: (detail: AnyMessage) => AnyMessage;
}

/** A service and its methods. */
export interface ServiceDefinition {
  /** Full proto name: `pkg.Service`. */
  readonly name: string;
  /** In the order of the .proto. */
  readonly methods: readonly MethodDefinition[];
}

/** A service whose message types TypeScript knows, since generated code has defined it. */
export interface TypedService<Methods extends object = object> extends ServiceDefinition {
  /** Each method by the name that the generated code gives it: `sayHello`. */
  readonly method: Methods;
}
