import { ProtocolError } from '../errors.js';
import { KeyValueField, RequestField, WireType } from '../spec/envelope.js';
import type { FrameWriter } from './frame-writer.js';
import { MalformedMessage, ProtobufReader } from './protobuf-reader.js';
import { isUtf8 } from './utf8.js';
import { tagOf, varintLength } from './varint.js';

/**
 * The request envelope, read and written by hand: it is the hot path of every call.
 *
 * Source: containerd/ttrpc `request.proto`; fields in the order of their numbers, as Go writes them.
 */

const SERVICE_TAG = tagOf(RequestField.Service, WireType.LengthDelimited);
const METHOD_TAG = tagOf(RequestField.Method, WireType.LengthDelimited);
const PAYLOAD_TAG = tagOf(RequestField.Payload, WireType.LengthDelimited);
const TIMEOUT_TAG = tagOf(RequestField.TimeoutNano, WireType.Varint);
const METADATA_TAG = tagOf(RequestField.Metadata, WireType.LengthDelimited);
const KEY_TAG = tagOf(KeyValueField.Key, WireType.LengthDelimited);
const VALUE_TAG = tagOf(KeyValueField.Value, WireType.LengthDelimited);

/** Where the parts of a request stand in the bytes it was read from; reused from request to request. */
export class RequestView {
  bytes: Buffer = Buffer.alloc(0);
  serviceStart = 0;
  serviceEnd = 0;
  methodStart = 0;
  methodEnd = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** Nanoseconds the caller allows, signed; 0 is no limit. */
  timeoutNano = 0;
  /** The part of the envelope that holds all metadata, to be copied and read when somebody asks. */
  metadataStart = 0;
  metadataEnd = 0;
  /** Size of the metadata, as {@link metadataSize} has it. */
  metadataBytes = 0;

  get service(): string {
    return this.bytes.toString('utf8', this.serviceStart, this.serviceEnd);
  }

  get method(): string {
    return this.bytes.toString('utf8', this.methodStart, this.methodEnd);
  }

  /** Points nowhere, so that an idle connection keeps no chunk alive. */
  release(): void {
    this.reset(NOTHING);
  }

  reset(bytes: Buffer): void {
    this.bytes = bytes;
    this.serviceStart = this.serviceEnd = 0;
    this.methodStart = this.methodEnd = 0;
    this.payloadStart = this.payloadEnd = 0;
    this.timeoutNano = 0;
    this.metadataStart = this.metadataEnd = this.metadataBytes = 0;
  }
}

const NOTHING = Buffer.alloc(0);

/** What reads one more message while the first is being walked. */
const outer = new ProtobufReader();
const inner = new ProtobufReader();

/**
 * Finds the parts of the request in `bytes[start, end)`. Unknown fields are skipped; of a repeated
 * scalar the last one counts.
 *
 * @throws ProtocolError with scope `stream` when the bytes are no request
 */
export function decodeRequest(bytes: Buffer, start: number, end: number, view: RequestView): void {
  view.reset(bytes);
  outer.reset(bytes, start, end);
  try {
    readRequest(outer, view);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    throw new ProtocolError(`unmarshal request error: ${error.message}`, 'stream');
  } finally {
    outer.release();
    inner.release();
  }
}

function readRequest(reader: ProtobufReader, view: RequestView): void {
  let fieldStart = reader.at;
  while (reader.nextField()) {
    switch (reader.field) {
      case RequestField.Service:
        readString(reader);
        view.serviceStart = reader.valueStart;
        view.serviceEnd = reader.valueEnd;
        break;
      case RequestField.Method:
        readString(reader);
        view.methodStart = reader.valueStart;
        view.methodEnd = reader.valueEnd;
        break;
      case RequestField.Payload:
        reader.delimited();
        view.payloadStart = reader.valueStart;
        view.payloadEnd = reader.valueEnd;
        break;
      case RequestField.TimeoutNano:
        reader.expect(WireType.Varint);
        view.timeoutNano = reader.varint64();
        break;
      case RequestField.Metadata:
        walkPair(reader, false);
        view.metadataBytes += reader.valueEnd - reader.valueStart + PAIR_OVERHEAD;
        if (view.metadataEnd === 0) view.metadataStart = fieldStart;
        view.metadataEnd = reader.at;
        break;
      default:
        reader.skip();
    }
    fieldStart = reader.at;
  }
}

function readString(reader: ProtobufReader): void {
  reader.delimited();
  if (!isUtf8(reader.bytes, reader.valueStart, reader.valueEnd)) {
    throw new MalformedMessage('string field contains invalid UTF-8');
  }
}

/** Checks the KeyValue that `reader` stands at, and returns it when it is to be kept. */
function walkPair(reader: ProtobufReader, keep: boolean): [string, string] | undefined {
  let key = '';
  let value = '';
  reader.delimited();
  inner.reset(reader.bytes, reader.valueStart, reader.valueEnd);
  while (inner.nextField()) {
    if (inner.field !== KeyValueField.Key && inner.field !== KeyValueField.Value) {
      inner.skip();
      continue;
    }
    readString(inner);
    if (!keep) continue;
    const text = inner.bytes.toString('utf8', inner.valueStart, inner.valueEnd);
    if (inner.field === KeyValueField.Key) key = text;
    else value = text;
  }
  return keep ? [key, value] : undefined;
}

/**
 * Reads the pairs in the part of an envelope between {@link RequestView.metadataStart} and
 * {@link RequestView.metadataEnd}, which {@link decodeRequest} has checked.
 *
 * @returns the pairs in wire order, keys lower case
 */
export function decodeMetadata(bytes: Buffer): [key: string, value: string][] {
  const pairs: [string, string][] = [];
  const reader = new ProtobufReader();
  reader.reset(bytes, 0, bytes.length);
  while (reader.nextField()) {
    if (reader.field !== RequestField.Metadata) {
      reader.skip();
      continue;
    }
    const [key, value] = walkPair(reader, true) as [string, string];
    pairs.push([key.toLowerCase(), value]);
  }
  inner.release();
  return pairs;
}

/** Lays out the two fields that every call of a method begins with; done once a method. */
export function encodeRoute(service: string, method: string): Buffer {
  const fields: Buffer[] = [];
  for (const [tag, name] of [
    [SERVICE_TAG, service],
    [METHOD_TAG, method],
  ] as const) {
    const text = Buffer.from(name);
    if (text.length > MAX_NAME_LENGTH) {
      throw new RangeError(
        `name of ${text.length} bytes is above the limit of ${MAX_NAME_LENGTH}: ${name.slice(0, 40)}…`,
      );
    }
    const head =
      text.length < 0x80
        ? [tag, text.length]
        : [tag, (text.length & 0x7f) | 0x80, text.length >> 7];
    if (text.length > 0) fields.push(Buffer.from(head), text);
  }
  return Buffer.concat(fields);
}

/** Bytes of the longest service or method name; what two length bytes can say. */
const MAX_NAME_LENGTH = 0x3fff;

/** Begins the payload field; the message is then appended and {@link endPayload} called. */
export function beginRequestPayload(writer: FrameWriter): number {
  return writer.beginDelimited(PAYLOAD_TAG);
}

/**
 * Appends what follows the payload: the time left, in nanoseconds (0: no limit), and metadata.
 *
 * @returns what the metadata counts, as {@link metadataSize} has it
 */
export function writeRequestTail(
  writer: FrameWriter,
  timeoutNano: number,
  metadata: readonly (readonly [key: string, value: string])[] | undefined,
): number {
  if (timeoutNano > 0) {
    writer.varint(TIMEOUT_TAG);
    writer.varint(timeoutNano);
  }
  let size = 0;
  if (metadata === undefined) return size;
  for (const [key, value] of metadata) {
    const pair = writer.beginDelimited(METADATA_TAG);
    writeText(writer, KEY_TAG, key);
    writeText(writer, VALUE_TAG, value);
    size += writer.endDelimited(pair) + PAIR_OVERHEAD;
  }
  return size;
}

/** What a pair of metadata counts besides its bytes; HTTP/2 has the same for a header. */
const PAIR_OVERHEAD = 32;

/** What metadata counts towards its limit: the bytes of the encoded pairs, and 32 for each. */
export function metadataSize(
  metadata: Iterable<readonly [key: string, value: string]> | undefined,
): number {
  let size = 0;
  if (metadata === undefined) return size;
  for (const [key, value] of metadata) size += textSize(key) + textSize(value) + PAIR_OVERHEAD;
  return size;
}

/** A tag, the length and the text. */
function textSize(text: string): number {
  const length = Buffer.byteLength(text);
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

/** What either side says of metadata above the limit; both sizes in bytes. */
export function metadataTooLarge(size: number, limit: number): string {
  return `metadata of ${size} bytes is above the limit of ${limit} (maxMetadataBytes)`;
}

function writeText(writer: FrameWriter, tag: number, text: string): void {
  if (text === '') return;
  writer.varint(tag);
  writer.string(text);
}

/** Ends a payload field; an empty one is left out, as proto3 does with every default. */
export function endPayload(writer: FrameWriter, begun: number): void {
  if (writer.isEmptySince(begun)) writer.abortDelimited(begun);
  else writer.endDelimited(begun);
}
