import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, inject, it } from 'vitest';

import { checkClient, checkServer } from '../conformance/check.js';
import {
  differencesOf,
  readTable,
  tableOf,
  type Difference,
  type PeerVerdicts,
} from '../conformance/report.js';
import { PeerClient, PeerServer } from './peer-process.js';
import { PEERS, type Peer } from './peers.js';

const TABLE = new URL('../conformance/DIFFERENCES.md', import.meta.url);
/** Peers that now and then do not answer, whatever they are asked. */
const FALLS_SILENT = ['rust 0.9.0'];
const leftOut = inject('leftOut');
const folder = mkdtempSync(join(tmpdir(), 'ttrpc-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(Object.keys(leftOut).length === 0)('the conformance kit', () => {
  it('finds of every peer what its table of differences says', { timeout: 300_000 }, async () => {
    const all: PeerVerdicts[] = [];
    for (const peer of PEERS) {
      const verdicts = [...(await checkPeerServer(peer)), ...(await checkPeerClient(peer))];
      all.push({ peer: peer.name, verdicts });
    }
    const found = differencesOf(all);
    const known = readTable(readFileSync(TABLE, 'utf8'));
    const same = (a: Difference, b: Difference): boolean =>
      a.role === b.role && a.id === b.id && a.peer === b.peer;
    // A race within a peer may have two rows, of which either comes.
    const unknown = found.filter(
      (one) =>
        !(FALLS_SILENT.includes(one.peer) && one.got === 'nothing') &&
        !known.some((row) => same(row, one) && row.got === one.got),
    );
    const gone = known.filter(
      (row) => !FALLS_SILENT.includes(row.peer) && !found.some((one) => same(row, one)),
    );
    expect({ unknown: tableOf(unknown), gone: tableOf(gone) }).toEqual({ unknown: [], gone: [] });
  });
});

/** A server for each rule: some die of one, and not at once. */
async function checkPeerServer(peer: Peer) {
  let server: PeerServer | undefined;
  let count = 0;
  const verdicts = await checkServer(async () => {
    await server?.kill();
    const path = join(folder, `${peer.name} ${(count += 1)}`);
    server = await PeerServer.start(peer, path);
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
