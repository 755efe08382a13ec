/**
 * Field numbers of the messages inside request and response frames.
 *
 * Source: containerd/ttrpc `request.proto`; google/rpc `status.proto`; google/protobuf `any.proto`.
 */

/** `ttrpc.Request`. */
export const RequestField = {
  Service: 1,
  Method: 2,
  Payload: 3,
  TimeoutNano: 4,
  Metadata: 5,
} as const;

/** `ttrpc.Response`. */
export const ResponseField = { Status: 1, Payload: 2 } as const;

/** `ttrpc.KeyValue`. */
export const KeyValueField = { Key: 1, Value: 2 } as const;

/** `google.rpc.Status`. */
export const StatusField = { Code: 1, Message: 2, Details: 3 } as const;

/** `google.protobuf.Any`. */
export const AnyField = { TypeUrl: 1, Value: 2 } as const;

/** How a field's value is laid out. Source: protobuf.dev, "Encoding", "Message Structure". */
export const WireType = {
  Varint: 0,
  Fixed64: 1,
  LengthDelimited: 2,
  StartGroup: 3,
  EndGroup: 4,
  Fixed32: 5,
} as const;
