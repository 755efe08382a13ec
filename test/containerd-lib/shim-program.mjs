// A shim as another author would write it: no containers, but all that containerd sees of one.
//
//   TTRPC_LIB=<folder of lib as JavaScript> node shim-program.mjs <arguments of a shim>
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const load = (file) => import(pathToFileURL(`${process.env['TTRPC_LIB']}/${file}`).href);
const { runShim, ShimLease } = await load('containerd/index.js');

await runShim({
  name: 'io.containerd.test.v1',
  version: '1.2.3',
  serve: async ({ id, bundle, socket, debug }) => {
    if (id === 'broken') throw new Error('no luck today');
    if (id === 'dead') process.exit(5);
    const { TtrpcServer } = await load('engine/index.js');
    const lease = new ShimLease({ timeoutMs: 60_000, onExpired: () => process.exit() });
    const server = new TtrpcServer({
      onConnect: () => lease.connected(),
      onClose: () => lease.disconnected(),
    });
    await server.listen(`unix://${socket}`);
    console.log(`serves ${id}, debug ${debug}`);
    writeFileSync(`${bundle}/pid`, String(process.pid));
  },
  cleanUp: async ({ id }) => {
    if (id === 'stuck') throw new Error('it does not go');
    return { pid: 42, exitStatus: 137, exitedAt: new Date(2000) };
  },
});
