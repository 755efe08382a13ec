import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, inject, it } from 'vitest';

import { checkClient, checkServer } from '../conformance/check.js';
import type { Rule } from '../conformance/rule.js';
import { differencesOf, readTable, tableOf, type Difference } from '../conformance/report.js';
import { PeerClient, PeerServer } from './peer-process.js';
import { PEERS, type Peer } from './peers.js';

const TABLE = new URL('../conformance/DIFFERENCES.md', import.meta.url);
const TRIES = 3;
const leftOut = inject('leftOut');
const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(Object.keys(leftOut).length === 0)('the conformance kit', () => {
  const known = readTable(readFileSync(TABLE, 'utf8'));

  it.each(PEERS)(
    'finds of $name what its table of differences says',
    { timeout: 300_000 },
    async (peer) => {
      let surprises = await surprisesOf(peer, known);
      // Where a rule says that nothing comes, or a peer is in a race, one try can mislead.
      for (let tries = 1; tries < TRIES && surprises.length > 0; tries++) {
        const again = await surprisesOf(peer, known);
        surprises = surprises.filter((one) => again.includes(one));
      }
      expect(surprises).toEqual([]);
    },
  );
});

/** A difference that the table does not have, or no longer has a right to. */
async function surprisesOf(peer: Peer, known: readonly Difference[]): Promise<string[]> {
  const verdicts = [...(await checkPeerServer(peer)), ...(await checkPeerClient(peer))];
  const found = differencesOf([{ peer: peer.name, verdicts }]);
  const same = (a: Difference, b: Difference): boolean => a.role === b.role && a.id === b.id;
  const rows = known.filter((row) => row.peer === peer.name);
  // A race within a peer may have two rows, of which either comes.
  const unknown = found.filter((one) => !rows.some((row) => same(row, one) && row.got === one.got));
  const gone = rows.filter((row) => row.atTimes !== true && !found.some((one) => same(row, one)));
  return [
    ...tableOf(unknown).map((line) => `unknown: ${line}`),
    ...tableOf(gone).map((line) => `gone: ${line}`),
  ];
}

/** A server for each rule: some die of one, and not at once. */
async function checkPeerServer(peer: Peer) {
  let server: PeerServer | undefined;
  let path = '';
  let current: Rule | undefined;
  const verdicts = await checkServer(async (rule) => {
    if (rule !== current) {
      await server?.kill();
      path = join(folder, `${peer.name} ${rule.id}`);
      server = await PeerServer.start(peer, path);
      current = rule;
    }
    const socket = connect(path);
    await once(socket, 'connect');
    return socket;
  }, peer);
  await server?.kill();
  return verdicts;
}

function checkPeerClient(peer: Peer) {
  const path = join(folder, `${peer.name} client`);
  const call = ({ scenario, options }: { scenario: string; options: object }) =>
    new PeerClient(peer, path, scenario, options).outcome;
  return checkClient({ path }, call, peer);
}
