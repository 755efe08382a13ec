/**
 * Reads ttrpc messages out of the frames of one connection as Go does: `bufio.Reader` with its 4096
 * bytes over a connection of NRI's mux, whose `Read` fails with ENOMEM when a frame is larger than
 * the buffer that it is given.
 *
 * Source: containerd/ttrpc `channel.go`, Go's `bufio.go`, containerd/nri `pkg/net/multiplex/mux.go`.
 *
 * @param frames - what each frame carries, in order
 * @returns the messages, header included
 * @throws Error when Go would give the connection up
 */
export function readAsGo(frames: readonly Buffer[]): Buffer[] {
  const queue = [...frames];
  let buffered = Buffer.alloc(0);

  function read(room: number): Buffer {
    const frame = queue.shift() as Buffer;
    if (frame.length > room) throw new Error(`ENOMEM: ${frame.length} bytes, room for ${room}`);
    return frame;
  }
  function readFull(length: number): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; missing -= parts.at(-1)?.length ?? 0) {
      if (buffered.length === 0 && queue.length === 0) return undefined;
      if (buffered.length > 0) {
        parts.push(buffered.subarray(0, missing));
        buffered = buffered.subarray(missing);
      } else if (missing >= 4096) {
        parts.push(read(missing));
      } else {
        buffered = Buffer.from(read(4096));
        parts.push(Buffer.alloc(0));
      }
    }
    return Buffer.concat(parts);
  }

  const messages: Buffer[] = [];
  for (;;) {
    const header = readFull(10);
    const payload = header && readFull(header.readUInt32BE(0));
    if (header === undefined || payload === undefined) return messages;
    messages.push(Buffer.concat([header, payload]));
  }
}

/** A frame of the mux, laid out by hand. */
export function muxFrame(connection: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(connection, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** The frames in `bytes`, which are whole, by an eye that knows nothing of our reader. */
export function muxFramesIn(bytes: Buffer): { connection: number; payload: Buffer }[] {
  const found: { connection: number; payload: Buffer }[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) throw new Error(`the frame at ${at} is not whole`);
    found.push({ connection: bytes.readUInt32BE(at), payload: bytes.subarray(at + 8, end) });
    at = end;
  }
  return found;
}

/** Where the last whole frame of a mux ends. */
export function wholeMuxFrames(bytes: Buffer): number {
  let end = 0;
  for (;;) {
    if (bytes.length - end < 8) return end;
    const next = end + 8 + bytes.readUInt32BE(end + 4);
    if (next > bytes.length) return end;
    end = next;
  }
}
