// Records what a Go client and a Go server say to each other, a transcript for each call, into corpus/.
// Needs the peers that `npm run test:interop` builds:  node test/fuzz/record.mjs 1.2.10
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [version = '1.2.10'] = process.argv.slice(2);
const peer = join(import.meta.dirname, `../interop/.build/go-${version}`);
const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));

/** @type {[scenario: string, options: object][]} */
const CALLS = [
  ['echo', { text: 'héllo', number: '-9007199254740993', data: 'AAH/' }],
  ['nothing', {}],
  [
    'inspect',
    {
      metadata: [
        ['B', '2'],
        ['a', '1'],
        ['a', '3'],
      ],
      timeoutMs: 60_000,
    },
  ],
  ['fail', { code: 9, message: 'no: ✗', detail: 'détail' }],
  ['fail', { code: 42, message: '', detail: '' }],
  ['unknown-service', {}],
  ['unknown-method', {}],
  ['count', { count: 3 }],
  ['count', { count: 5, failAfter: 2, code: 8 }],
  ['sum', { numbers: [1, 2, 0, -5] }],
  ['chat', { texts: ['a', '', 'c'] }],
];

const lines = [`# What Go's ttrpc ${version} says, recorded by ../record.mjs.`];
const server = spawn(peer, ['serve', `unix://${folder}/server`]);
await once(server.stdout, 'data');
for (const [scenario, given] of CALLS) {
  const options = JSON.stringify(given);
  lines.push('', `# ${scenario} ${options}`);
  const between = createServer((near) => {
    const far = connect(`${folder}/server`);
    tee(near, far, 'client');
    tee(far, near, 'server');
  }).listen(`${folder}/between`);
  await once(between, 'listening');
  const client = spawn(peer, [
    'call',
    `unix://${folder}/between`,
    scenario,
    JSON.stringify(options),
  ]);
  await once(client, 'exit');
  between.close();
  await once(between, 'close');
}
server.kill();
rmSync(folder, { recursive: true });
writeFileSync(join(import.meta.dirname, `corpus/go-${version}.txt`), `${lines.join('\n')}\n`);

/** Passes bytes on and writes their frames down. */
function tee(from, to, name) {
  let rest = Buffer.alloc(0);
  from.on('data', (chunk) => {
    to.write(chunk);
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 10 && rest.length >= 10 + rest.readUInt32BE(0)) {
      const end = 10 + rest.readUInt32BE(0);
      const cut = (start, stop) => rest.toString('hex', start, stop);
      const columns = [cut(0, 4), cut(4, 8), cut(8, 9), cut(9, 10), cut(10, end)];
      lines.push(`${name}> ${columns.join(' ')}`.trimEnd());
      rest = rest.subarray(end);
    }
  });
  from.on('close', () => to.end());
}
