import { readdirSync, readFileSync } from 'node:fs';

import { FrameCutter, type Frame } from '../interop/frames.js';
import { parseTranscript, type Utterance } from '../support/transcript.js';

const folder = new URL('corpus/', import.meta.url);

/** What Go's client and server said to each other; see `record.mjs`. */
const corpus: readonly Utterance[] = readdirSync(folder).flatMap((file) => {
  const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
  return parseTranscript(lines.filter((line) => !line.startsWith('#')).join('\n'));
});

/** The frames that one side said. */
export function framesOf(side: Utterance['from']): Frame[] {
  return corpus
    .filter(({ from }) => from === side)
    .flatMap(({ bytes }) => new FrameCutter().cut(bytes));
}
