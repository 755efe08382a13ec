import { fromGrpcJs, type GrpcJsService } from '../proto/generated-services.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import type { RawHandler, ServerCall } from '../rpc/server-call.js';
import { METHOD_SHAPES } from '../spec/method.js';
import { failureOf } from './exception-status.js';
import { callbackOf } from './responder.js';
import { TtrpcServerCall } from './ttrpc-call.js';
import { TtrpcDuplexCall } from './ttrpc-duplex-call.js';

/** What `onLoadPackageDefinition` gets in the place of grpc-js's `Server`. */
export interface CallbackServer {
  /**
   * Serves a service beside the controllers.
   *
   * @param definition - of proto-loader or of code generated for grpc-js: methods by name
   * @param implementation - handlers as for grpc-js, by the method's name or `originalName`; a
   * method without one is answered UNIMPLEMENTED
   * @throws DefinitionError when it is no such definition
   */
  addService(definition: object, implementation: object): void;
}

/** A method, and the handler that was added for it. */
export type AddedMethod = readonly [method: MethodDefinition, handler: RawHandler];

/** `(call, callback)`, or `(call)` where responses are a stream. */
type CallbackHandler = (
  call: unknown,
  callback?: (error: unknown, response?: unknown) => void,
) => unknown;

/** A server that keeps in `added` what is added to it. */
export function callbackServer(added: AddedMethod[]): CallbackServer {
  return {
    addService: (definition, implementation) => {
      const { methods } = fromGrpcJs(definition as GrpcJsService);
      for (const [index, key] of Object.keys(definition).entries()) {
        const method = methods[index] as MethodDefinition;
        const handler = handlerOf(implementation as Handlers, [key, originalName(definition, key)]);
        if (handler !== undefined) added.push([method, serve(method, handler)]);
      }
    },
  };
}

type Handlers = Readonly<Record<string, unknown>>;

/** proto-loader's name of a method in camel case. */
function originalName(definition: object, key: string): string {
  const { originalName: name } = (definition as Record<string, { originalName?: string }>)[key]!;
  return name ?? key;
}

function handlerOf(handlers: Handlers, names: readonly string[]): CallbackHandler | undefined {
  const name = names.find((candidate) => typeof handlers[candidate] === 'function');
  return name === undefined ? undefined : (handlers[name] as CallbackHandler).bind(handlers);
}

function serve(method: MethodDefinition, handler: CallbackHandler): RawHandler {
  const { requestStream, responseStream } = METHOD_SHAPES[method.kind];
  return (call) => {
    const handed =
      requestStream || responseStream ? new TtrpcDuplexCall(call) : new TtrpcServerCall(call);
    void settle(call, () => handler(handed, responseStream ? undefined : callbackOf(call)));
  };
}

/** A handler answers by itself; what it throws ends the call. */
async function settle(call: ServerCall, run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    call.fail(failureOf(error));
  }
}
