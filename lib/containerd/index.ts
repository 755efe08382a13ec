/**
 * What clients of containerd's shims, shims and NRI plugins need beside the engine; framework-free.
 *
 * @module nestjs-ttrpc/containerd
 */

export {
  findShims,
  readShimAddress,
  type FindShimsOptions,
  type FoundShims,
  type ShimBundle,
  type UnreadableBundle,
} from './shim-bundles.js';
export { fromTimestamp, toTimestamp, type ProtoTimestamp } from './timestamp.js';
export {
  packAny,
  unpackAny,
  type GeneratedAny,
  type ProtoAny,
  type UnpackedAny,
} from './typeurl.js';
