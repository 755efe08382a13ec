import { runShim, type DeadContainer, type ShimArguments } from 'nestjs-ttrpc/containerd';
import { initPid } from './task/gate.js';
import { unmount } from './task/mounts.js';
import { Runc } from './task/runc.js';

await runShim({
  name: 'io.containerd.nest.v1',
  version: '0.1.0',
  // Only the daemon loads Nest: start and delete are over sooner.
  serve: async (shim) => (await import('./daemon.js')).serve(shim),
  cleanUp,
  // Who sends parameters is containerd 2.3 or later, which knows version 3.
  answer: ({ params }) => (params === undefined ? {} : { format: 'protobuf', version: 3 }),
});

/** Takes away what is left, whether the daemon has ended in order or by SIGKILL. */
async function cleanUp({ namespace, id, bundle }: ShimArguments): Promise<DeadContainer> {
  await new Runc(namespace).remove(id);
  await unmount(`${bundle}/rootfs`);
  return { pid: initPid(bundle), exitStatus: 128 + 9 };
}
