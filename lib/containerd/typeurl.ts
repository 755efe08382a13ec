import type { ServiceCatalog } from '../proto/service-definition.js';

/** A `google.protobuf.Any` as messages of .proto files have it. */
export interface ProtoAny {
  /** The type's full name, which containerd writes without `type.googleapis.com/`. */
  readonly type_url: string;
  /** The message's bytes. */
  readonly value: Uint8Array;
}

/** A {@link ProtoAny} as generated code may have it. */
export interface GeneratedAny {
  /** See {@link ProtoAny.type_url}. */
  readonly typeUrl: string;
  /** The message's bytes. */
  readonly value: Uint8Array;
}

/** What was in an `Any`. */
export interface UnpackedAny {
  /** Full name of the message's type. */
  readonly typeName: string;
  /** As the catalog's loader makes messages. */
  readonly message: unknown;
}

/**
 * Closes a message as containerd's own programs do: they look its type up by the whole of its URL,
 * and so take the bare name only.
 *
 * Source: containerd/typeurl `types.go`, `MarshalAny`.
 *
 * @param typeName - full name, such as `containerd.events.TaskExit`
 * @throws `DefinitionError` naming the nearest types when the catalog has no such type
 * @example
 * ```ts
 * const event = packAny(catalog, 'containerd.events.TaskStart', { containerId: 'c1', pid: 42 });
 * ```
 */
export function packAny(catalog: ServiceCatalog, typeName: string, message: unknown): ProtoAny {
  const { typeUrl, value } = catalog.encodeAny(typeName, message);
  return { type_url: bareName(typeUrl), value };
}

/**
 * Opens a message whatever stands before its type's name.
 *
 * @returns `undefined` when the catalog has no such type
 * @throws Error when the bytes are no message of that type
 */
export function unpackAny(
  catalog: ServiceCatalog,
  any: ProtoAny | GeneratedAny,
): UnpackedAny | undefined {
  const typeUrl = 'type_url' in any ? any.type_url : any.typeUrl;
  return catalog.decodeAny({ typeUrl, value: any.value });
}

function bareName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}
