import type { ReadPacket } from '@nestjs/microservices';
import type { CallOptions } from '../rpc/call.js';
import type { MethodDefinition } from '../rpc/method-definition.js';
import { toMetadata, type MetadataInit } from '../spec/metadata.js';
import type { CallArguments } from './call-arguments.js';

/** What `ClientProxy.setOnDispatchHook` of Nest 12 takes. */
export type DispatchHook = (packet: ReadPacket) => void;

/** A packet of Nest 11 has no metadata, nor would a hook be called. */
type Packet = ReadPacket & { readonly metadata?: MetadataInit };

/**
 * The options of a call after the hook has seen it: the metadata that it puts into its packet is
 * sent along, in place of what the caller gave under the same keys.
 *
 * The packet's pattern is `pkg.Service/Method`, as a handler's context has it; its data is the
 * request, or the stream of requests.
 *
 * @throws whatever the hook throws, and TypeError when its metadata is not of strings
 */
export function dispatched(
  hook: DispatchHook | undefined,
  method: MethodDefinition,
  { input, options }: CallArguments,
): CallOptions {
  if (hook === undefined) return options;
  const packet: Packet = { pattern: `${method.service}/${method.name}`, data: input };
  hook(packet);
  if (packet.metadata === undefined) return options;
  const metadata = toMetadata(options.metadata).clone();
  const added = toMetadata(packet.metadata);
  for (const [key] of added) metadata.remove(key);
  metadata.merge(added);
  return { ...options, metadata };
}
