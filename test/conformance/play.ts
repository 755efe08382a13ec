import { once } from 'node:events';
import type { Duplex } from 'node:stream';

import { FrameCutter } from '../interop/frames.js';
import { alive, aliveToo } from './client-rules.js';
import { frameText } from './frame-text.js';
import { CLOSE, CLOSED, payload, request, type Rule, type Step } from './rule.js';

/** What is heard of a peer that says nothing for {@link PATIENCE_MS}. */
const NOTHING = 'nothing';
const PATIENCE_MS = 3000;

/** Opened behind the steps of a rule for a server. */
const PROBE_ID = 99;

/** What a peer said where the rule wants something else. */
export interface Deviation {
  readonly expected: string;
  readonly got: string;
}

/** The kit's side of one connection. */
class Conversation {
  readonly #stream: Duplex;
  readonly #heard: string[] = [];
  #changed: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const cutter = new FrameCutter();
    stream.on('data', (chunk: Buffer) => this.#hear(...cutter.cut(chunk).map(frameText)));
    // A peer that dies resets the connection; that it is closed says enough.
    stream.on('error', () => undefined);
    stream.on('close', () => this.#hear(CLOSED));
  }

  #hear(...lines: string[]): void {
    this.#heard.push(...lines);
    this.#changed?.();
  }

  async say(bytes: Buffer): Promise<void> {
    if (!this.#stream.destroyed) this.#stream.write(bytes);
    // What is written in one turn may travel in one piece.
    await new Promise(setImmediate);
  }

  /** What comes next. A connection that is closed stays closed. */
  async next(): Promise<string> {
    if (this.#heard.length === 0) await this.#change();
    if (this.#heard[0] === CLOSED) return CLOSED;
    return this.#heard.shift() ?? NOTHING;
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async close(): Promise<void> {
    if (this.#stream.closed) return;
    const closed = once(this.#stream, 'close');
    this.#stream.destroy();
    await closed;
  }
}

/** Holds the conversation of a rule with a server, and closes the connection. */
export async function playToServer(rule: Rule, stream: Duplex): Promise<Deviation | undefined> {
  const conversation = new Conversation(stream);
  const deviation = await play(rule, conversation, [
    request(PROBE_ID, 0, 'Echo', payload('0a05 "alive"')),
    `response ${PROBE_ID} OK 0a05616c697665`,
  ]);
  await conversation.close();
  return deviation;
}

/**
 * Holds the conversation of a rule with a client. The connection is left to the client, who may
 * not have read the last answer; a client that deviates loses it at once.
 */
export async function playToClient(rule: Rule, stream: Duplex): Promise<Deviation | undefined> {
  const conversation = new Conversation(stream);
  const deviation = await play(rule, conversation, [alive(3), aliveToo(3)]);
  if (deviation !== undefined) await conversation.close();
  return deviation;
}

async function play(
  rule: Rule,
  conversation: Conversation,
  goesOn: readonly Step[],
): Promise<Deviation | undefined> {
  for (const step of rule.last === true ? rule.steps : [...rule.steps, ...goesOn]) {
    const deviation = await take(conversation, step);
    if (deviation !== undefined) return deviation;
  }
  return undefined;
}

async function take(conversation: Conversation, step: Step): Promise<Deviation | undefined> {
  if (typeof step === 'string') return hear(conversation, step);
  if (step === CLOSE) await conversation.close();
  else await conversation.say(step);
  return undefined;
}

async function hear(conversation: Conversation, expected: string): Promise<Deviation | undefined> {
  const got = await conversation.next();
  const matches = expected.endsWith('…') ? got.startsWith(expected.slice(0, -1)) : got === expected;
  return matches ? undefined : { expected, got };
}
