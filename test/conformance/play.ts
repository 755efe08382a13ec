import type { Duplex } from 'node:stream';

import { FrameCutter } from '../interop/frames.js';
import { alive, aliveToo } from './client-rules.js';
import { frameText } from './frame-text.js';
import {
  CLOSE,
  CLOSED,
  DEAF,
  LISTEN,
  payload,
  request,
  type Act,
  type Rule,
  type Step,
} from './rule.js';

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
  /** What {@link next} gave last. */
  latest = NOTHING;
  #changed: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const cutter = new FrameCutter();
    stream.on('data', (chunk: Buffer) => this.#hear(...cutter.cut(chunk).map(frameText)));
    // A peer that dies resets the connection; that it is closed says enough.
    stream.on('error', () => undefined);
    stream.on('close', () => this.#hear(CLOSED));
  }

  /** A piece of a frame is nothing yet. */
  #hear(...lines: string[]): void {
    if (lines.length === 0) return;
    this.#heard.push(...lines);
    this.#changed?.();
  }

  /** Gives whether the peer's side took the bytes, or is gone. */
  async say(bytes: Buffer): Promise<boolean> {
    if (this.#stream.destroyed) return true;
    let taken = false;
    await within(PATIENCE_MS, (done) => {
      this.#stream.write(bytes, () => {
        taken = true;
        done();
      });
    });
    // What is written in one turn may travel in one piece.
    await new Promise(setImmediate);
    return taken;
  }

  deaf(): void {
    this.#stream.pause();
  }

  listen(): void {
    this.#stream.resume();
  }

  /** What comes next. A connection that is closed stays closed. */
  async next(): Promise<string> {
    if (this.#heard.length === 0) await this.#change();
    this.latest = this.#heard[0] ?? NOTHING;
    if (this.latest !== CLOSED) this.#heard.shift();
    return this.latest;
  }

  #change(): Promise<void> {
    return within(PATIENCE_MS, (done) => (this.#changed = done));
  }

  async close(): Promise<void> {
    if (this.#stream.closed) return;
    await new Promise((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.destroy();
    });
  }
}

/** Resolves when it is `done`, or so many milliseconds have passed. */
function within(milliseconds: number, start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const PROBE: readonly Step[] = [
  request(PROBE_ID, 0, 'Echo', payload('0a05 "alive"')),
  `response ${PROBE_ID} OK 0a05616c697665`,
];

/** Holds the conversation of a rule with a server, on connections that are closed in the end. */
export async function playToServer(
  { steps, last }: Rule,
  connect: () => Promise<Duplex>,
): Promise<Deviation | undefined> {
  if (last !== true) return playOn(connect, [...steps, ...PROBE]);
  return (await playOn(connect, steps)) ?? playOn(connect, PROBE);
}

async function playOn(
  connect: () => Promise<Duplex>,
  steps: readonly Step[],
): Promise<Deviation | undefined> {
  let stream: Duplex;
  try {
    stream = await connect();
  } catch (error) {
    return { expected: 'a connection', got: (error as Error).message };
  }
  const conversation = new Conversation(stream);
  const deviation = await play(steps, conversation);
  await conversation.close();
  return deviation;
}

/**
 * Holds the conversation of a rule with a client. The connection is left to the client, who may
 * not have read the last answer; a client that deviates loses it at once.
 */
export async function playToClient(
  { steps, last }: Rule,
  stream: Duplex,
): Promise<Deviation | undefined> {
  const conversation = new Conversation(stream);
  const goesOn = last === true ? [] : [alive(3), aliveToo(3)];
  const deviation = await play([...steps, ...goesOn], conversation);
  if (deviation !== undefined) await conversation.close();
  return deviation;
}

async function play(
  steps: readonly Step[],
  conversation: Conversation,
): Promise<Deviation | undefined> {
  for (const step of steps) {
    const deviation = await take(conversation, step);
    if (deviation !== undefined) return deviation;
  }
  return undefined;
}

async function take(conversation: Conversation, step: Step): Promise<Deviation | undefined> {
  if (typeof step === 'string') return hear(conversation, [step]);
  if (typeof step === 'object' && !Buffer.isBuffer(step)) return hear(conversation, step);
  return act(conversation, step);
}

async function act(conversation: Conversation, step: Act): Promise<Deviation | undefined> {
  if (step === CLOSE) await conversation.close();
  else if (step === DEAF) conversation.deaf();
  else if (step === LISTEN) conversation.listen();
  else {
    const taken = await conversation.say(
      typeof step === 'function' ? step(conversation.latest) : step,
    );
    if (!taken) return { expected: 'the bytes are taken', got: NOTHING };
  }
  return undefined;
}

/** Hears all of these, in any order. */
async function hear(
  conversation: Conversation,
  expected: readonly string[],
): Promise<Deviation | undefined> {
  const missing = [...expected];
  while (missing.length > 0) {
    const got = await conversation.next();
    const found = missing.findIndex((text) => matches(text, got));
    if (found === -1) return { expected: missing.join(' or '), got };
    missing.splice(found, 1);
  }
  return undefined;
}

function matches(expected: string, got: string): boolean {
  const open = expected.endsWith('…');
  const beginning = open ? expected.slice(0, -1) : expected;
  const said = got.split(' ');
  const meant = beginning
    .split(' ')
    .map((word, at) => (word === '*' ? said[at] : word))
    .join(' ');
  return open ? got.startsWith(meant) : got === meant;
}
