import {
  credentials,
  loadPackageDefinition,
  logVerbosity,
  Metadata,
  setLogVerbosity,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Transcript, type RawCall, type RawClient, type RawOptions } from './raw-client.js';
import type { Place } from './transports.js';

type Sending = ClientDuplexStream<object, object> | ClientWritableStream<object>;
type Receiving = ClientDuplexStream<object, object> | ClientReadableStream<object>;
type AnyCall = Sending | Receiving | ClientUnaryCall;
type Method = ((...args: unknown[]) => AnyCall) & {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
};

// What goes wrong on purpose need not be on the console.
setLogVerbosity(logVerbosity.NONE);

/** grpc-js's own client of the services of a place. */
export function openGrpc({ url, protoPath, loader }: Place): RawClient {
  const root = loadPackageDefinition(loadSync(protoPath, loader));
  const clients = new Map<string, Client>();
  const clientOf = (service: string): Client => {
    let client = clients.get(service);
    if (client === undefined) {
      const found = service
        .split('.')
        .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], root);
      client = new (found as ServiceClientConstructor)(url, credentials.createInsecure());
      clients.set(service, client);
    }
    return client;
  };
  return {
    open: (service, method, options) => openCall(clientOf(service), method, options ?? {}),
    close: async () => clients.forEach((client) => client.close()),
  };
}

function openCall(client: Client, name: string, given: RawOptions): RawCall {
  const method = (client as unknown as Record<string, Method>)[name] as Method;
  const transcript = new Transcript();
  const options: CallOptions = given.deadline === undefined ? {} : { deadline: given.deadline };
  const callback = (error: ServiceError | null, message?: object): void => {
    if (message !== undefined) transcript.message(message);
    transcript.end(error ?? undefined);
  };
  const args = [
    ...(method.requestStream ? [] : [given.request]),
    given.metadata ?? new Metadata(),
    options,
    ...(method.responseStream ? [] : [callback]),
  ];
  const call = method.apply(client, args);
  call.on('metadata', (headers: Metadata) => Object.assign(transcript.headers, headers.getMap()));
  if (method.responseStream) listen(call as Receiving, transcript);
  return Object.assign(transcript, {
    send: (message: object) => void (method.requestStream && (call as Sending).write(message)),
    endSending: () => void (call as Sending).end(),
    cancel: () => call.cancel(),
  });
}

function listen(call: Receiving, transcript: Transcript): void {
  call.on('data', (message: object) => transcript.message(message));
  call.on('error', (error: Error) => transcript.end(error));
  call.on('end', () => transcript.end());
}
