import protobuf from 'protobufjs';

import { PROTO_FILE, type Peer } from './peer.js';

/** Nothing but what loads a definition: what any of them has to do before it starts. */
export const protobufjs: Peer = {
  async serve() {
    protobuf.loadSync(PROTO_FILE).resolveAll();
  },

  async connect() {
    throw new Error('it serves nobody');
  },
};
