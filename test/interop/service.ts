import { fileURLToPath } from 'node:url';

import {
  loadServices,
  type MethodDefinition,
  type ServiceDefinition,
} from '../../lib/engine/index.js';
import type { Reply } from './outcome.js';

/** interop.proto with messages as JSON has them: 64-bit numbers as strings, bytes as base64. */
export const catalog = loadServices({
  protoPath: fileURLToPath(new URL('interop.proto', import.meta.url)),
  loader: { longs: String, bytes: String, defaults: true, arrays: true },
});

export const INTEROP: ServiceDefinition = catalog.service('interop.v1.Interop');

export type InteropMethod = MethodDefinition<Reply, Reply>;

export function methodOf(name: string): InteropMethod {
  const found = INTEROP.methods.find((method) => method.name === name);
  if (found === undefined) throw new Error(`interop.proto has no rpc ${name}`);
  return found as InteropMethod;
}
