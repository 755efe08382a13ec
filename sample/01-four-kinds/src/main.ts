import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

// Runs the server and, once that listens, the client: each in a process of its own.
const server = fork(join(import.meta.dirname, 'server.js'));
await Promise.race([once(server, 'message'), once(server, 'exit')]);

const client = fork(join(import.meta.dirname, 'client.js'));
const [code] = (await once(client, 'exit')) as [number | null];

// Nest closes the server's socket: app.enableShutdownHooks().
server.kill('SIGTERM');
if (code !== 0) process.exitCode = 1;
