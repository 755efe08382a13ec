import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { makeClient } from '../engine/harness.js';
import { Unary } from '../rpc/text-service.js';
import { tempFolder } from '../transport/temp-folder.js';
import { runScript } from './harness.js';
import { engineScript } from './processes.js';

const at = tempFolder();
const ENGINE = engineScript(at('lib'));

/** Mounts a file system that holds one file, for the process behind it and nobody else. */
const mountOne = (command: string): string[] => [
  ...command.split(' '),
  'sh',
  '-c',
  'mount -t tmpfs -o size=64k,nr_inodes=2 none "$0" && touch "$0/only" && exec "$@"',
];

/** The ways into a mount namespace of its own that may be open to this user. */
const COMMANDS = ['unshare --mount --map-root-user', 'unshare --mount'];

/** The first that works here; in CI one has to. */
const command = COMMANDS.find((candidate) => {
  const [program = '', ...options] = mountOne(candidate);
  const folder = at('tried');
  mkdirSync(folder, { recursive: true });
  return spawnSync(program, [...options, folder, 'true']).status === 0;
});

it.skipIf(command === undefined && process.env['CI'] !== 'true')(
  `says that the file system has no room for its socket, and can listen elsewhere then${
    command === undefined ? ' (needs unshare and the right to mount)' : ''
  }`,
  async () => {
    const [folder, path] = [at('full'), at('elsewhere')];
    mkdirSync(folder);
    const script = `${ENGINE}
      import { unlinkSync } from 'node:fs';
      const server = serve();
      const inFull = ${JSON.stringify(`${folder}/x`)};
      const { kind, reason, message, cause } = await server.listen(inFull).catch((error) => error);
      const elsewhere = await server.listen(${JSON.stringify(path)});
      unlinkSync(${JSON.stringify(`${folder}/only`)});
      const later = await server.listen(inFull);
      console.log(JSON.stringify({ kind, reason, message, code: cause.code, elsewhere, later }));
    `;
    const { line } = await runScript(script, [
      ...mountOne(command ?? 'unshare --mount'),
      folder,
      process.execPath,
    ]);
    expect(JSON.parse(line)).toEqual({
      kind: 'ttrpc.connection',
      reason: 'dial',
      message: `cannot listen on unix://${folder}/x: ENOSPC, the file system is full`,
      code: 'ENOSPC',
      elsewhere: `unix://${path}`,
      later: `unix://${folder}/x`,
    });
    const client = makeClient({ address: path });
    expect(await client.unary(Unary, 'a')).toBe('echo a');
  },
);
