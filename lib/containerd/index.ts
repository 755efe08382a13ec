/**
 * What clients of containerd's shims, shims and NRI plugins need beside the engine; framework-free.
 *
 * @module nestjs-ttrpc/containerd
 */

export { nriEventMask, type NriEvent } from './nri-events.js';
export {
  NRI_SOCKET,
  nriIdentity,
  type NriIdentity,
  type NriIdentityOptions,
} from './nri-identity.js';
export { NriLink, type NriLinkOptions, type NriRegister } from './nri-link.js';
export {
  NRI_PLUGIN_CONNECTION,
  NRI_RUNTIME_CONNECTION,
  NriMux,
  type NriMuxOptions,
} from './nri-mux.js';
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
