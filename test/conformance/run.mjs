// Compiles the conformance kit and runs it; `npm run conformance -- --help` says what it can be told.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const root = resolve(here, '../..');

const compiler = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', here], { stdio: ['ignore', 2, 2] });
if (status !== 0) process.exit(1);
// The service is read from beside the compiled code.
const proto = 'test/interop/interop.proto';
cpSync(join(root, proto), join(here, '.build', proto));
await import('./.build/test/conformance/main.js');
