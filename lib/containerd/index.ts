/**
 * What clients of containerd's shims, shims and NRI plugins need beside the engine; framework-free.
 *
 * @module nestjs-ttrpc/containerd
 */

export { EventPublisher, type EventPublisherOptions, type TaskEvent } from './event-publisher.js';
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
export { groupOfAnnotations, runShim, type BundleConfig, type ShimProgram } from './shim.js';
export {
  formatDeleteAnswer,
  formatInfoAnswer,
  type DeadContainer,
  type ShimIdentity,
} from './shim-answers.js';
export { parseShimArguments, type ShimAction, type ShimArguments } from './shim-arguments.js';
export {
  formatShimAnswer,
  readShimInput,
  type BootstrapParams,
  type ShimAnswer,
  type ShimInput,
} from './shim-bootstrap.js';
export {
  findShims,
  readShimAddress,
  type FindShimsOptions,
  type FoundShims,
  type ShimBundle,
  type UnreadableBundle,
} from './shim-bundles.js';
export { reportListening, startShimDaemon, type ShimDaemonOptions } from './shim-daemon.js';
export { ShimLease, type ShimLeaseOptions } from './shim-lease.js';
export { shimSocketPath, type ShimSocketOptions } from './shim-socket.js';
export { TaskStdio, type StreamTarget, type TaskStdioPaths } from './task-stdio.js';
export { fromTimestamp, toTimestamp, type ProtoTimestamp } from './timestamp.js';
export {
  packAny,
  unpackAny,
  type GeneratedAny,
  type ProtoAny,
  type UnpackedAny,
} from './typeurl.js';
