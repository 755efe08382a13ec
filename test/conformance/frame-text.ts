import { DATA, fieldsOf, REQUEST, RESPONSE, type Frame } from '../interop/frames.js';

/** The names of gRPC's status codes, by number. */
const CODES =
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'.split(
    ' ',
  );

/** Payloads above this many bytes are told by their length. */
const SHOWN = 64;

/**
 * A frame as a line of text, in which rules say what they expect:
 *
 *     request 1 flags 6 interop.v1.Interop/Echo 0a0161 {k=v} timeout
 *     response 1 OK 0a0161
 *     response 1 NOT_FOUND "gone" [pkg.Type 0a0161]
 *     data 1 flags 5
 *
 * What may differ without a difference in meaning is not in it: a status of OK that is absent or
 * given, the order of fields, the time that is left of a timeout.
 */
export function frameText({ id, type, flags, payload }: Frame): string {
  switch (type) {
    case REQUEST:
      return line('request', id, `flags ${flags}`, requestText(payload));
    case RESPONSE:
      return line('response', id, flags === 0 ? '' : `flags ${flags}`, responseText(payload));
    case DATA:
      return line('data', id, `flags ${flags}`, bytesText(payload));
    default:
      return line(`type ${type}`, id, `flags ${flags}`, bytesText(payload));
  }
}

function line(...parts: readonly (string | number)[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function requestText(envelope: Buffer): string {
  const { 1: service, 2: method, 3: payload, 4: timeout, 5: metadata } = fields(envelope);
  const pairs = (metadata ?? []).map((pair) => {
    const { 1: key, 2: value } = fields(pair as Buffer);
    return `${last(key).toString()}=${last(value).toString()}`;
  });
  return line(
    `${last(service).toString()}/${last(method).toString()}`,
    bytesText(last(payload)),
    pairs.length === 0 ? '' : `{${pairs.join(', ')}}`,
    timeout === undefined ? '' : 'timeout',
  );
}

function responseText(envelope: Buffer): string {
  const { 1: status, 2: payload } = fields(envelope);
  const { 1: code, 2: message, 3: details } = fields(last(status));
  const number = (code?.at(-1) as number | undefined) ?? 0;
  const anys = (details ?? []).map((any) => {
    const { 1: typeUrl, 2: value } = fields(any as Buffer);
    return ` [${last(typeUrl).toString()} ${bytesText(last(value))}]`;
  });
  const said = number === 0 ? '' : JSON.stringify(last(message).toString());
  return line(CODES[number] ?? number, said, bytesText(last(payload))) + anys.join('');
}

function bytesText(bytes: Buffer): string {
  return bytes.length > SHOWN ? `${bytes.length} bytes` : bytes.toString('hex');
}

/** The values of each field, in order. */
function fields(message: Buffer): Record<number, (number | Buffer)[] | undefined> {
  const found: Record<number, (number | Buffer)[]> = {};
  for (const { number, value } of fieldsOf(message)) (found[number] ??= []).push(value);
  return found;
}

function last(values: readonly (number | Buffer)[] | undefined): Buffer {
  const value = values?.at(-1);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}
