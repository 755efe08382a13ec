import { isTtrpcError, statusName, TtrpcClient } from 'nestjs-ttrpc/engine';
import { ADDRESS, catalog, type Span, type Time } from './clock.js';
import { createServer } from './server.js';

const add = catalog.method<Span, Time>('clock.Clock', 'Add');
const countDown = catalog.method<Span, Time>('clock.Clock', 'CountDown');
const sum = catalog.method<Span, Time>('clock.Clock', 'Sum');

const server = createServer();
console.log(`listens on ${await server.listen(ADDRESS)}`);

// In life this would be another process.
const client = new TtrpcClient({ address: ADDRESS, timeoutMs: 5000 });

console.log('add:', (await client.unary(add, { seconds: 5 })).text);

for await (const { text } of client.serverStreaming(countDown, { seconds: 3 })) {
  console.log('count down:', text);
}

const spans = [{ seconds: 20 }, { seconds: 22 }];
console.log('sum:', (await client.clientStreaming(sum, spans)).text);

try {
  for await (const { text } of client.serverStreaming(countDown, { seconds: 100 })) {
    console.log('count down:', text);
  }
} catch (error) {
  if (!isTtrpcError(error)) throw error;
  console.log(`count down: ${statusName(error.code)}, ${error.details}`);
}

await client.close();
await server.shutdown({ graceMs: 1000 });
