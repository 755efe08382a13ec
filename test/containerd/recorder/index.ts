import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { distill } from './distill.js';
import { formatTranscript, type Conversation } from './transcript-file.js';

/**
 * Records what our programs and their real peers say, when `TTRPC_RECORD=1` is set:
 *
 * 1. start each of our programs with `node ...tapArguments('shim-runc-v2')`, which are none
 *    otherwise; `tapHere` does the same in this process;
 * 2. at the end of the test, `saveTranscript('shim-runc-v2', …)`.
 *
 * `npm test` replays every transcript without the peer (test/containerd-lib/transcripts.spec.ts).
 */
const recording = process.env['TTRPC_RECORD'] === '1';

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = local('../.build/recorded/');
/** Not known to TypeScript. */
const TAP: string = './tap.mjs';
const piecesOf = (name: string): string => `${folder}${name}.jsonl`;

/** Arguments for Node, before the program's, so that it writes down what is said. */
export function tapArguments(name: string): string[] {
  if (!recording) return [];
  mkdirSync(folder, { recursive: true });
  return ['--import', `${local('tap.mjs')}?${encodeURIComponent(piecesOf(name))}`];
}

/** Writes down what this process says on local sockets from now on. */
export async function tapHere(name: string): Promise<void> {
  if (!recording) return;
  mkdirSync(folder, { recursive: true });
  const { tap } = (await import(TAP)) as { tap: (path: string) => void };
  tap(piecesOf(name));
}

/** What a transcript is, beside its frames. */
export interface TranscriptFacts {
  /** Who was recorded, in which version and how. */
  readonly remarks: string;
  /** What to call a conversation, by its calls: `pkg.Service/Method`. */
  readonly title: (calls: readonly string[]) => string;
  /** Which conversations to keep. */
  readonly keep?: (conversation: Conversation) => boolean;
}

/** Most bytes of a transcript: it is for people. */
const MAX_LENGTH = 128 * 1024;

/**
 * Makes `transcripts/NAME.txt` of what was written down, and forgets that.
 *
 * @throws Error when nothing was said, or too much
 */
export function saveTranscript(name: string, facts: TranscriptFacts): void {
  if (!recording) return;
  const pieces = piecesOf(name);
  if (!existsSync(pieces)) throw new Error(`nobody has recorded ${name}`);
  const conversations = distill(pieces, facts.title).filter(facts.keep ?? (() => true));
  if (conversations.length === 0) throw new Error(`nothing was said in ${name}`);
  const text = formatTranscript(facts.remarks, conversations);
  if (text.length > MAX_LENGTH) throw new Error(`${name} has ${text.length} characters`);
  writeFileSync(local(`../transcripts/${name}.txt`), text);
  rmSync(pieces);
}
