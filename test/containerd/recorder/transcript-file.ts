import { encodeFrame, FrameCutter, type Frame } from '../../interop/frames.js';
import { hex } from '../../support/transcript.js';

/** One frame of a conversation. */
export interface Said {
  readonly from: 'client' | 'server';
  /** Of NRI's mux; absent on a socket of its own. */
  readonly connection?: number | undefined;
  readonly frame: Frame;
  /** The message in it as JSON with the names of the .proto, or `CODE text` for a status. */
  readonly meaning: string;
}

/** What was said on one socket. */
export interface Conversation {
  /** What it is about: `containerd 1.6.20 drives our shim`. */
  readonly title: string;
  /** Who we were: `client` or `server`; on NRI's mux the `plugin`, which is both. */
  readonly ours: 'client' | 'server' | 'plugin';
  readonly said: readonly Said[];
}

/**
 * Writes conversations as text that is read and compared by people:
 *
 *     === title
 *     ours: client
 *
 *     client> 0000002e 00000001 01 00
 *             0a17"containerd.task.v2.Task"1205"State"1a04 0a02"d1"
 *           = {"id":"d1"}
 *
 * On NRI's mux the speaker has the connection's number: `server 1>`.
 */
export function formatTranscript(remarks: string, conversations: readonly Conversation[]): string {
  const parts = conversations.map(({ title, ours, said }) =>
    [`=== ${title}`, `ours: ${ours}`, '', ...said.flatMap(formatSaid)].join('\n'),
  );
  return `${[remarks.replaceAll(/^/gmu, '# '), ...parts].join('\n\n')}\n`;
}

function formatSaid({ from, connection, frame, meaning }: Said): string[] {
  const bytes = encodeFrame(frame);
  const cut = (start: number, end: number): string => bytes.toString('hex', start, end);
  const speaker = connection === undefined ? from : `${from} ${connection}`;
  const header = `${speaker}> ${cut(0, 4)} ${cut(4, 8)} ${cut(8, 9)} ${cut(9, 10)}`;
  const payload = frame.payload.length === 0 ? [] : wrap(legible(frame.payload));
  return [header, ...payload.map((line) => `    ${line}`), `  = ${meaning}`];
}

/** Hex, with texts of some length in quotes. */
function legible(bytes: Buffer): string[] {
  const latin = bytes.toString('latin1');
  const tokens: string[] = [];
  let at = 0;
  for (const { 0: text, index } of latin.matchAll(/[ !$-~]{4,}/gu)) {
    if (index > at) tokens.push(bytes.toString('hex', at, index));
    tokens.push(`"${text}"`);
    at = index + text.length;
  }
  if (at < bytes.length) tokens.push(bytes.toString('hex', at));
  return tokens;
}

const WIDTH = 110;

function wrap(tokens: readonly string[]): string[] {
  const lines: string[] = [];
  for (const token of tokens) {
    const line = lines.at(-1);
    if (line === undefined || line.length + token.length >= WIDTH) lines.push(token);
    else lines[lines.length - 1] = `${line} ${token}`;
  }
  return lines;
}

/** Reads what {@link formatTranscript} writes. @throws Error naming what it does not understand */
export function parseTranscriptFile(text: string): Conversation[] {
  const sections = text.split(/^=== /mu).slice(1);
  return sections.map((section) => {
    const [, title = '', ours = '', body = ''] =
      /^(.*)\nours: (client|server|plugin)\n([^]*)$/u.exec(section) ?? [];
    if (ours === '') throw new Error(`no conversation: ${section.slice(0, 80)}`);
    const said = body.split(/^(?=\w+(?: \d+)?> )/mu).filter((part) => part.trim() !== '');
    return { title, ours: ours as Conversation['ours'], said: said.map(parseSaid) };
  });
}

function parseSaid(part: string): Said {
  const [, from, connection, bytes = '', meaning = ''] =
    /^(client|server)(?: (\d+))?> ([^]*?)\n {2}= (.*)\s*$/u.exec(part) ?? [];
  if (from === undefined) throw new Error(`nobody says: ${part}`);
  const [frame, ...more] = new FrameCutter().cut(hex(bytes));
  if (frame === undefined || more.length > 0) throw new Error(`not one frame: ${part}`);
  return {
    from: from as Said['from'],
    connection: connection === undefined ? undefined : Number(connection),
    frame,
    meaning,
  };
}
