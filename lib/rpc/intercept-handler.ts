import { METHOD_SHAPES } from '../spec/method.js';
import type {
  BidirectionalHandler,
  CallContext,
  ClientStreamingHandler,
  Handler,
  ServerStreamingHandler,
  UnaryHandler,
} from './call.js';
import { intercept, ofKind, type ServerInterceptor } from './interceptor.js';
import type { MethodDefinition } from './method-definition.js';
import { onlyMessage, streamOf } from './single-message.js';

type Messages = AsyncIterable<unknown>;

/** A method's handler with the interceptors around it, or the handler itself when there are none. */
export function interceptHandler(
  method: MethodDefinition,
  handler: Handler,
  interceptors: readonly ServerInterceptor[],
): Handler {
  if (method.kind === 'unary') {
    const wraps = ofKind(interceptors, 'unary');
    const unary = handler as UnaryHandler;
    if (wraps.length === 0) return handler;
    return intercept(wraps, async (request, context: CallContext) => unary(request, context));
  }
  const wraps = ofKind(interceptors, 'stream');
  if (wraps.length === 0) return handler;
  return inMethodsShape(method, intercept(wraps, asStreamHandler(method, handler)));
}

/** The handler as one from messages to messages. */
function asStreamHandler(
  { kind }: MethodDefinition,
  handler: Handler,
): (requests: Messages, context: CallContext) => Messages {
  return async function* (requests, context) {
    if (kind === 'serverStreaming') {
      yield* (handler as ServerStreamingHandler)(await onlyMessage(requests), context);
    } else if (kind === 'clientStreaming') {
      yield await (handler as ClientStreamingHandler)(requests, context);
    } else {
      yield* (handler as BidirectionalHandler)(requests, context);
    }
  };
}

/** A handler from messages to messages as one of the method's kind. */
function inMethodsShape(
  { kind }: MethodDefinition,
  handler: (requests: Messages, context: CallContext) => Messages,
): Handler {
  const { requestStream, responseStream } = METHOD_SHAPES[kind];
  return (input: unknown, context: CallContext) => {
    const requests = requestStream ? (input as Messages) : streamOf(input);
    const responses = handler(requests, context);
    return responseStream ? responses : onlyMessage(responses);
  };
}
