/**
 * Bytes as text. Hex may be broken into columns by spaces; `00*5` stands for five zero bytes, `"…"`
 * for the UTF-8 bytes of the text between the quotes, and `#` begins a remark that lasts until the
 * end of the line.
 */
export function hex(text: string): Buffer<ArrayBuffer> {
  const parts: Buffer[] = [];
  for (const [token] of text.replaceAll(REMARK, '$1').matchAll(/"[^"]*"|\S+/gu)) {
    if (token.startsWith('"')) {
      parts.push(Buffer.from(token.slice(1, -1)));
      continue;
    }
    const found = /^((?:[0-9a-f]{2})+)(?:\*(\d+))?$/u.exec(token);
    if (found === null) throw new Error(`not hex: ${token}`);
    const [, digits = '', count = '1'] = found;
    parts.push(Buffer.from(digits.repeat(Number(count)), 'hex'));
  }
  return Buffer.concat(parts);
}

/** What stands before a remark, quoted texts included. */
const REMARK = /^((?:[^"#\n]|"[^"]*")*)#.*$/gmu;

const HEADER_LENGTH = 10;

/**
 * The frames in `bytes`, one line each: `length streamId type flags payload`. Bytes that are no
 * whole frame are the last line.
 */
export function frames(bytes: Buffer): string[] {
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.length - at < HEADER_LENGTH ? Infinity : frameEnd(bytes, at);
    if (end > bytes.length) {
      lines.push(`part of a frame: ${bytes.toString('hex', at)}`);
      break;
    }
    lines.push(columns(bytes.subarray(at, end)));
    at = end;
  }
  return lines;
}

function frameEnd(bytes: Buffer, at: number): number {
  return at + HEADER_LENGTH + bytes.readUInt32BE(at);
}

function columns(frame: Buffer): string {
  const cells: string[] = [];
  for (const [start, end] of [
    [0, 4],
    [4, 8],
    [8, 9],
    [9, 10],
    [10, frame.length],
  ] as const) {
    cells.push(frame.toString('hex', start, end));
  }
  return cells.join(' ').trimEnd();
}

/** What one side says in a {@link parseTranscript | transcript}. */
export interface Utterance {
  readonly from: 'client' | 'server';
  readonly bytes: Buffer;
}

/**
 * Reads a conversation, an utterance a line: `client> 00000003 00000001 01 02 aabbcc`. A line
 * without a speaker continues the one before it.
 */
export function parseTranscript(text: string): Utterance[] {
  const utterances: { from: 'client' | 'server'; text: string }[] = [];
  for (const line of text.split('\n')) {
    const said = /^\s*(client|server)>(.*)$/u.exec(line);
    const last = utterances.at(-1);
    if (said !== null) utterances.push({ from: said[1] as 'client', text: said[2] as string });
    else if (last !== undefined) last.text += `\n${line}`;
    else if (line.trim() !== '') throw new Error(`nobody says: ${line}`);
  }
  return utterances.map(({ from, text: said }) => ({ from, bytes: hex(said) }));
}
