import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatTranscript, parseTranscriptFile } from '../containerd/recorder/transcript-file.js';
import { replay } from './replay.js';

const folder = new URL('../containerd/transcripts/', import.meta.url);
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.txt')) : [];

describe.each(files)('what was said to a real peer: %s', (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const conversations = parseTranscriptFile(text);

  it('is written as the recorder writes it', () => {
    const remarks = [...text.matchAll(/^# (.*)$/gmu)].map(([, line = '']) => line).join('\n');
    expect(formatTranscript(remarks, conversations)).toBe(text);
  });

  it.each(conversations)('$title: is said and understood again', async (conversation) => {
    expect(conversation.said.length).toBeGreaterThan(1);
    for (const { what, got, expected } of await replay(conversation)) {
      expect({ [what]: got }).toEqual({ [what]: expected });
    }
  });
});
