import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { callWithOurs } from '../interop/our-client.js';
import { OurServer } from '../interop/our-server.js';
import { outcome, type Outcome } from '../interop/outcome.js';
import { Watch } from '../interop/watch.js';
import { checkClient, checkServer, type Caller, type Verdict } from './check.js';
import { report } from './report.js';

const HELP = `Holds a ttrpc server or client against the rules of the protocol.

  npm run conformance                           our own server and client
  npm run conformance -- --server ADDRESS       a server that serves test/interop/interop.proto
  npm run conformance -- --client ADDRESS       listens there; says which call the client is to make
                         --run PROGRAM          runs the client: PROGRAM call ADDRESS SCENARIO JSON
  --unary                                       without the rules of streams
  --json                                        the report as JSON

ADDRESS is unix:PATH or tcp://HOST:PORT. PROGRAM may print what its caller saw, as JSON (Outcome in
test/interop/outcome.ts). Behind each call the client calls Echo with the text "alive".
`;

const { values: asked } = parseArgs({
  options: {
    server: { type: 'string' },
    client: { type: 'string' },
    run: { type: 'string' },
    unary: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (asked.help) console.log(HELP);
else {
  const verdicts = await check();
  console.log(asked.json ? JSON.stringify(verdicts, null, 2) : report(verdicts));
  if (verdicts.some(({ deviation }) => deviation !== undefined)) process.exitCode = 1;
}

async function check(): Promise<Verdict[]> {
  const scope = { streams: !asked.unary };
  const { server, client } = asked;
  if (server === undefined && client === undefined) return checkOurs();
  const verdicts: Verdict[] = [];
  if (server !== undefined) verdicts.push(...(await checkServer(dialer(server), scope)));
  if (client !== undefined) {
    const address = nodeAddress(client);
    verdicts.push(...(await checkClient(address, caller(client), scope)));
  }
  return verdicts;
}

async function checkOurs(): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
  const [served, called] = [join(folder, 'server.sock'), join(folder, 'client.sock')];
  const server = await OurServer.start(served);
  try {
    const call: Caller = ({ scenario, options }) =>
      callWithOurs(called, scenario, options, new Watch());
    return [
      ...(await checkServer(dialer(`unix:${served}`), { streams: true })),
      ...(await checkClient({ path: called }, call, { streams: true })),
    ];
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** What node:net calls an address. */
function nodeAddress(address: string): { path: string } | { host: string; port: number } {
  const tcp = /^tcp:\/\/(.+):(\d+)$/u.exec(address);
  if (tcp !== null) return { host: tcp[1] as string, port: Number(tcp[2]) };
  const unix = /^unix:(?:\/\/)?(.+)$/u.exec(address);
  if (unix === null)
    throw new Error(`${address} is no address; it is unix:PATH or tcp://HOST:PORT`);
  return { path: unix[1] as string };
}

function dialer(address: string): () => Promise<Socket> {
  const where = nodeAddress(address);
  return async () => {
    const socket = connect(where);
    await once(socket, 'connect');
    return socket;
  };
}

/** Runs the client's program; without one, says what a person is to start. */
function caller(address: string): Caller {
  const program = asked.run;
  return async ({ scenario, options }) => {
    const args = ['call', address, scenario, JSON.stringify(options)];
    if (program === undefined) {
      console.error(`waiting at ${address} for ${scenario} ${JSON.stringify(options)}`);
      return undefined;
    }
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await text(child.stdout);
    return said === '' ? undefined : outcome(JSON.parse(said) as Partial<Outcome>);
  };
}
