import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, inject, it } from 'vitest';

import { TtrpcClient } from '../../lib/engine/index.js';
import { CASES, type Case } from './cases.js';
import { DIFFERENCES, type Difference } from './differences.js';
import { Matrix, type Cell, type Role } from './matrix.js';
import { callWithOurs } from './our-client.js';
import { OurServer } from './our-server.js';
import type { Outcome } from './outcome.js';
import { PeerClient, PeerServer } from './peer-process.js';
import { PEERS, type Peer } from './peers.js';
import { methodOf } from './service.js';
import { Watch } from './watch.js';

const leftOut = inject('leftOut');
const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
const matrix = new Matrix();
let sockets = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
  console.log(`\n${String(matrix)}\n`);
  for (const [name, why] of Object.entries(leftOut)) console.log(`left out ${name}: ${why}`);
});

describe.each(PEERS.filter(({ name }) => leftOut[name] === undefined))('$name', (peer) => {
  describe('as the server of our client', () => {
    const watches: Watch[] = [];

    for (const each of CASES.filter((one) => suits(one, peer))) {
      const difference = differenceOf(each, peer, 'serves');
      test({ peer, role: 'serves', name: each.name, because: difference?.because }, async () => {
        const path = socketPath();
        const server = await PeerServer.start(peer, path);
        const watch = new Watch();
        watches.push(watch);
        const outcome = await callWithOurs(path, scenarioOf(each), each.options ?? {}, watch);
        expectOutcome(outcome, each, difference);
        for (const line of each.says ?? []) await server.log.until(line);
        if (difference?.serverMayDie !== true) expect(server.alive).toBe(true);
        await server.stop();
      });
    }

    test({ peer, role: 'serves', name: 'server killed in mid-call' }, async () => {
      const path = socketPath();
      const server = await PeerServer.start(peer, path);
      const client = new TtrpcClient({ address: `unix://${path}` });
      const call = client.unary(methodOf('Sleep'), { milliseconds: 60_000 });
      const failed = expect(call).rejects.toMatchObject({
        kind: 'ttrpc.connection',
        requestWritten: true,
      });
      await server.log.until('sleep started');
      await server.kill();
      await failed;
      await client.close();
    });

    test({ peer, role: 'serves', name: 'client gone in mid-call' }, async () => {
      const path = socketPath();
      const server = await PeerServer.start(peer, path);
      const client = new TtrpcClient({ address: `unix://${path}` });
      const call = client.unary(methodOf('Sleep'), { milliseconds: 60_000 });
      const failed = expect(call).rejects.toMatchObject({ reason: 'local' });
      await server.log.until('sleep started');
      await client.close();
      await failed;
      await server.log.until('sleep interrupted');
      await server.stop();
    });

    test({ peer, role: 'serves', name: 'every frame within the rules' }, () => {
      expect(watches.flatMap(({ violations }) => violations)).toEqual([]);
      const sent = watches.reduce((sum, watch) => sum + watch.sent, 0);
      expect(sent).toBeGreaterThan(1000);
    });
  });

  describe('as a client of our server', () => {
    for (const each of CASES.filter((one) => suits(one, peer) && one.oursOnly !== true)) {
      const difference = differenceOf(each, peer, 'calls');
      test({ peer, role: 'calls', name: each.name, because: difference?.because }, async () => {
        const path = socketPath();
        const server = await OurServer.start(path);
        const { outcome } = new PeerClient(peer, path, scenarioOf(each), each.options ?? {});
        expectOutcome(await outcome, each, difference);
        for (const line of each.says ?? []) await server.log.until(line);
        await server.stop();
      });
    }

    test({ peer, role: 'calls', name: 'server gone in mid-call' }, async () => {
      const path = socketPath();
      const server = await OurServer.start(path);
      const client = new PeerClient(peer, path, 'hang', { milliseconds: 60_000 });
      await Promise.race([server.log.until('sleep started'), client.outcome]);
      await server.stop();
      expect(await client.outcome).toMatchObject({ code: -1, alive: false });
    });

    test({ peer, role: 'calls', name: 'client killed in mid-call' }, async () => {
      const path = socketPath();
      const server = await OurServer.start(path);
      const client = new PeerClient(peer, path, 'hang', { milliseconds: 60_000 });
      await Promise.race([server.log.until('sleep started'), client.outcome]);
      await client.kill();
      await server.log.until('sleep interrupted');
      await server.stop();
    });
  });
});

describe('DIFFERENCES', () => {
  it('speak of peers and cases that exist', () => {
    const peers = PEERS.map(({ name }) => name);
    const cases = CASES.map(({ name }) => name);
    for (const difference of DIFFERENCES) {
      expect(peers).toEqual(
        expect.arrayContaining([...(difference.server ?? difference.client ?? [])]),
      );
      expect(cases).toEqual(expect.arrayContaining([...difference.cases]));
    }
  });
});

/** A test that is a cell of the matrix. */
function test(cell: Cell, body: () => void | Promise<void>): void {
  const { name, because } = cell;
  it(because === undefined ? name : `${name} (${because})`, async () => {
    matrix.note(cell, 'FAIL');
    await body();
    matrix.note(cell, 'ok');
  });
}

function suits(each: Case, peer: Peer): boolean {
  return peer.streams || each.streams !== true;
}

function scenarioOf(each: Case): string {
  return each.scenario ?? each.name;
}

function differenceOf(each: Case, peer: Peer, role: Role): Difference | undefined {
  const side = role === 'serves' ? 'server' : 'client';
  return DIFFERENCES.find(
    (difference) =>
      difference[side]?.includes(peer.name) === true && difference.cases.includes(each.name),
  );
}

function expectOutcome(outcome: Outcome, each: Case, difference: Difference | undefined): void {
  const allowed = difference?.expected ?? [each.expected];
  const matching = allowed.find((one) => expect.objectContaining(one).asymmetricMatch(outcome));
  // When none matches, the first tells what is wrong.
  expect(outcome).toMatchObject(matching ?? allowed[0]!);
}

function socketPath(): string {
  sockets += 1;
  return join(folder, `${sockets}.sock`);
}
