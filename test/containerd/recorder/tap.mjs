// Writes down what a process says and hears on its local sockets, a line of JSON for each piece:
//
//   node --import /path/of/tap.mjs?/tmp/pieces.jsonl program.js
//
// Loaded before everything else; distill.ts makes transcripts of the lines.
import { appendFileSync } from 'node:fs';
import { Socket } from 'node:net';

const file = decodeURIComponent(new URL(import.meta.url).search.slice(1));
if (file !== '') tap(file);

/** Begins to write; for the rest of this process's life. */
export function tap(path) {
  /** @type {WeakMap<Socket, number>} */
  const numbers = new WeakMap();
  let count = 0;

  const write = (socket, direction, chunk) => {
    if (socket._handle?.constructor.name !== 'Pipe' || chunk.length === 0) return;
    if (!numbers.has(socket)) numbers.set(socket, ++count);
    const piece = { process: process.pid, socket: numbers.get(socket), direction };
    const bytes = Buffer.from(chunk).toString('hex');
    appendFileSync(path, `${JSON.stringify({ ...piece, bytes })}\n`);
  };

  const { push, _writeGeneric: send } = Socket.prototype;
  Socket.prototype.push = function pushTapped(chunk, ...rest) {
    if (chunk instanceof Uint8Array) write(this, 'in', chunk);
    return push.call(this, chunk, ...rest);
  };
  // A socket that is connecting calls this again when it is connected.
  Socket.prototype._writeGeneric = function writeTapped(writev, data, ...rest) {
    if (!this.connecting) {
      for (const { chunk } of writev ? data : [{ chunk: data }]) write(this, 'out', chunk);
    }
    return send.call(this, writev, data, ...rest);
  };
}
