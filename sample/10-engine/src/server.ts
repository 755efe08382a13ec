import { StatusCode, StatusError, TtrpcServer } from 'nestjs-ttrpc/engine';
import { catalog, type Span, type Time } from './clock.js';

/** A server of clock.Clock, which does not listen yet. */
export function createServer(): TtrpcServer {
  const server = new TtrpcServer();
  server.addService(catalog.service('clock.Clock'), { add, countDown, sum });
  return server;
}

function add({ seconds }: Span): Time {
  return { text: `midnight and ${seconds} s` };
}

async function* countDown({ seconds }: Span): AsyncGenerator<Time> {
  if (seconds > 60) {
    throw new StatusError({
      code: StatusCode.OutOfRange,
      message: 'counts down a minute at most',
    });
  }
  for (let left = seconds; left > 0; left--) yield { text: `${left} s left` };
}

async function sum(spans: AsyncIterable<Span>): Promise<Time> {
  let total = 0;
  for await (const { seconds } of spans) total += seconds;
  return { text: `${total} s` };
}
