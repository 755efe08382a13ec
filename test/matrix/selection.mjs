// Which combinations a run has: `--only nest=11,node=22` takes beginnings of versions.
import { NODES, PEERS } from './versions.mjs';

const KEYS = ['nest', 'protobufjs', 'node'];

/** The combinations that `only` allows, by their sets of peers. */
export function selection(only, nodes = NODES) {
  const wanted = parse(only);
  const peers = PEERS.filter(
    ({ nest, protobufjs }) =>
      begins(nest.core, wanted.get('nest')) && begins(protobufjs, wanted.get('protobufjs')),
  );
  const selected = nodes.filter((version) => begins(version, wanted.get('node')));
  if (peers.length * selected.length === 0) {
    throw new Error(`--only ${only} leaves nothing of the versions in test/matrix/versions.mjs`);
  }
  return { peers, nodes: selected };
}

function parse(only) {
  const pairs = only === '' ? [] : only.split(',').map((pair) => pair.split('='));
  for (const [key, version] of pairs) {
    if (!KEYS.includes(key) || !version) {
      throw new Error(`--only takes ${KEYS.join('=, ')}= with a version, got "${only}"`);
    }
  }
  return new Map(pairs);
}

function begins(version, wanted) {
  return wanted === undefined || `${version}.`.startsWith(`${wanted}.`);
}
