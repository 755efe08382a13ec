import type { Conversation } from './recorder/transcript-file.js';

/** Says which conversations to keep: the first of each title. */
export function firstOfEach(): (conversation: Conversation) => boolean {
  const seen = new Set<string>();
  return ({ title }) => {
    const isNew = !seen.has(title);
    seen.add(title);
    return isNew;
  };
}
