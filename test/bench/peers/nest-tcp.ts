import { ClientTCP, Transport } from '@nestjs/microservices';

import { PatternController, serveNest } from './nest-app.js';
import { checked, NOTE, type Done, type Note, type Peer } from './peer.js';

/**
 * Nest's default transport, JSON over a socket. It hands what it takes for a port to `net`, which
 * takes a path there as well.
 */
export const nestTcp: Peer = {
  async serve(path) {
    const options = { port: path as unknown as number };
    await serveNest({ transport: Transport.TCP, options }, [PatternController]);
  },

  async connect(path) {
    const client = new ClientTCP({ port: path as unknown as number });
    await client.connect();
    return {
      echo(done: Done) {
        const observer = { next: (note: Note) => checked(note, done), error: done };
        return () => void client.send<Note>('echo', NOTE).subscribe(observer);
      },
    };
  },
};
