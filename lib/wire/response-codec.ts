import { ProtocolError } from '../errors.js';
import { AnyField, ResponseField, StatusField, WireType } from '../spec/envelope.js';
import type { AnyMessage, Status } from '../spec/status.js';
import type { FrameWriter } from './frame-writer.js';
import { MalformedMessage, ProtobufReader } from './protobuf-reader.js';
import { tagOf } from './varint.js';

/**
 * The response envelope and the status in it.
 *
 * Source: containerd/ttrpc `request.proto`; google/rpc `status.proto`. An absent status and code 0
 * both mean OK: Go leaves it out, Rust sends 0.
 */

const STATUS_TAG = tagOf(ResponseField.Status, WireType.LengthDelimited);
const PAYLOAD_TAG = tagOf(ResponseField.Payload, WireType.LengthDelimited);
const CODE_TAG = tagOf(StatusField.Code, WireType.Varint);
const MESSAGE_TAG = tagOf(StatusField.Message, WireType.LengthDelimited);
const DETAILS_TAG = tagOf(StatusField.Details, WireType.LengthDelimited);
const TYPE_URL_TAG = tagOf(AnyField.TypeUrl, WireType.LengthDelimited);
const VALUE_TAG = tagOf(AnyField.Value, WireType.LengthDelimited);

/**
 * Details that a status may come with; a detail may be two bytes on the wire, but is objects of 240
 * here. Nobody sends more than a few.
 */
const MAX_DETAILS = 128;

/** What a response says; reused from response to response. */
export class ResponseView {
  /** Absent when the call ended well. */
  status: Status | undefined;
  payloadStart = 0;
  payloadEnd = 0;
}

const reader = new ProtobufReader();

/**
 * Reads the response in `bytes[start, end)`.
 *
 * @throws ProtocolError with scope `stream` when the bytes are no response
 */
export function decodeResponse(
  bytes: Buffer,
  start: number,
  end: number,
  view: ResponseView,
): void {
  view.status = undefined;
  view.payloadStart = view.payloadEnd = 0;
  reader.reset(bytes, start, end);
  try {
    readResponse(view);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    throw new ProtocolError(`unmarshal response error: ${error.message}`, 'stream');
  } finally {
    reader.release();
  }
}

function readResponse(view: ResponseView): void {
  while (reader.nextField()) {
    if (reader.field === ResponseField.Payload) {
      reader.delimited();
      view.payloadStart = reader.valueStart;
      view.payloadEnd = reader.valueEnd;
    } else if (reader.field === ResponseField.Status) {
      reader.delimited();
      const status = readStatus(reader.bytes, reader.valueStart, reader.valueEnd);
      view.status = status.code === 0 ? undefined : status;
    } else {
      reader.skip();
    }
  }
}

function readStatus(bytes: Buffer, start: number, end: number): Status {
  const fields = new ProtobufReader();
  const details: AnyMessage[] = [];
  let code = 0;
  let message = '';
  fields.reset(bytes, start, end);
  while (fields.nextField()) {
    if (fields.field === StatusField.Code) {
      fields.expect(WireType.Varint);
      code = fields.int32();
    } else if (fields.field === StatusField.Message) {
      fields.delimited();
      message = bytes.toString('utf8', fields.valueStart, fields.valueEnd);
    } else if (fields.field === StatusField.Details) {
      fields.delimited();
      if (details.length === MAX_DETAILS) throw new MalformedMessage(TOO_MANY_DETAILS);
      details.push(readAny(bytes, fields.valueStart, fields.valueEnd));
    } else {
      fields.skip();
    }
  }
  return { code, message, details };
}

function readAny(bytes: Buffer, start: number, end: number): AnyMessage {
  const fields = new ProtobufReader();
  let typeUrl = '';
  let value = Buffer.alloc(0);
  fields.reset(bytes, start, end);
  while (fields.nextField()) {
    if (fields.field === AnyField.TypeUrl) {
      fields.delimited();
      typeUrl = bytes.toString('utf8', fields.valueStart, fields.valueEnd);
    } else if (fields.field === AnyField.Value) {
      fields.delimited();
      // Copied: the chunk is the connection's.
      value = Buffer.from(bytes.subarray(fields.valueStart, fields.valueEnd));
    } else {
      fields.skip();
    }
  }
  return { typeUrl, value };
}

const TOO_MANY_DETAILS = `status with more than ${MAX_DETAILS} details`;

/** Begins the payload field; the message is then appended and `endPayload` called. */
export function beginResponsePayload(writer: FrameWriter): number {
  return writer.beginDelimited(PAYLOAD_TAG);
}

/** Appends a response that says only how the call ended. */
export function writeStatus(writer: FrameWriter, status: Status): void {
  const begun = writer.beginDelimited(STATUS_TAG);
  if (status.code !== 0) {
    writer.varint(CODE_TAG);
    writer.varint(status.code);
  }
  if (status.message !== '') {
    writer.varint(MESSAGE_TAG);
    writer.string(status.message);
  }
  for (const detail of status.details) writeAny(writer, detail);
  writer.endDelimited(begun);
}

function writeAny(writer: FrameWriter, any: AnyMessage): void {
  const begun = writer.beginDelimited(DETAILS_TAG);
  if (any.typeUrl !== '') {
    writer.varint(TYPE_URL_TAG);
    writer.string(any.typeUrl);
  }
  if (any.value.length > 0) {
    const value = writer.beginDelimited(VALUE_TAG);
    writer.append(any.value);
    writer.endDelimited(value);
  }
  writer.endDelimited(begun);
}
