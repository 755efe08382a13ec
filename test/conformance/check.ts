import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';

import type { Outcome } from '../interop/outcome.js';
import { CLIENT_RULES } from './client-rules.js';
import { playToClient, playToServer, type Deviation } from './play.js';
import type { ClientRule, Rule } from './rule.js';
import { SERVER_RULES } from './server-rules.js';

/** How a peer did by one rule. */
export interface Verdict {
  readonly role: 'server' | 'client';
  readonly id: string;
  readonly text: string;
  /** Absent: as the rule says. */
  readonly deviation?: Deviation;
}

interface Scope {
  /** Leave out the rules of streams. */
  readonly streams: boolean;
}

/** Holds a server against every rule, each on connections of its own. */
export async function checkServer(
  connect: (rule: Rule) => Promise<Duplex>,
  scope: Scope,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const rule of within(SERVER_RULES, scope)) {
    verdicts.push(verdict('server', rule, await playToServer(rule, () => connect(rule))));
  }
  return verdicts;
}

/** Has the client under test run the rule's scenario; resolves with what its caller saw, if it can tell. */
export type Caller = (rule: ClientRule) => Promise<Outcome | undefined>;

/** How long a client under test may take for a scenario. */
const CALL_MS = 10_000;

/** Holds a client, who is to connect to `address` for each rule anew, against every rule. */
export async function checkClient(
  address: ListenOptions,
  call: Caller,
  scope: Scope,
): Promise<Verdict[]> {
  const listener = createServer().listen(address);
  await once(listener, 'listening');
  const verdicts: Verdict[] = [];
  try {
    for (const rule of within(CLIENT_RULES, scope)) {
      verdicts.push(verdict('client', rule, await serveOnce(listener, rule, call)));
    }
  } finally {
    listener.close();
  }
  return verdicts;
}

async function serveOnce(
  listener: Server,
  rule: ClientRule,
  call: Caller,
): Promise<Deviation | undefined> {
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const outcome = ended(call(rule));
  const [socket] = await accepted;
  // A client that connects again after the connection was lost finds nobody.
  const refuse = (later: Socket): unknown => later.destroy();
  listener.on('connection', refuse);
  const said = await playToClient(rule, socket);
  const seen = await outcome;
  listener.off('connection', refuse);
  socket.destroy();
  return seen instanceof Failure
    ? unlike(rule.outcome, seen)
    : (said ?? unlike(rule.outcome, seen));
}

/** How a call came to no outcome. */
class Failure {
  readonly got: string;

  constructor(got: string) {
    this.got = got;
  }
}

/** What the call's caller saw. */
function ended(call: ReturnType<Caller>): Promise<Outcome | Failure | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(new Failure('it hangs')), CALL_MS);
    const died = new Failure('the client dies');
    void call
      .catch(() => died)
      .finally(() => clearTimeout(timer))
      .then(resolve);
  });
}

function unlike(
  expected: Partial<Outcome>,
  seen: Outcome | Failure | undefined,
): Deviation | undefined {
  if (seen === undefined) return undefined;
  if (seen instanceof Failure) return { expected: 'the call ends', got: seen.got };
  for (const [name, value] of Object.entries(expected)) {
    const got = seen[name as keyof Outcome];
    const tell = (it: unknown): string => `the caller sees ${name} ${JSON.stringify(it)}`;
    if (!isDeepStrictEqual(got, value)) return { expected: tell(value), got: tell(got) };
  }
  return undefined;
}

function within<R extends Rule>(rules: readonly R[], { streams }: Scope): R[] {
  return rules.filter((rule) => streams || rule.streams !== true);
}

function verdict(
  role: Verdict['role'],
  { id, text }: Rule,
  deviation: Deviation | undefined,
): Verdict {
  return { role, id, text, ...(deviation === undefined ? {} : { deviation }) };
}
