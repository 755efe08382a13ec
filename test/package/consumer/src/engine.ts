// The framework-free door: serves and calls the four kinds over a unix socket and over a Duplex.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  isTtrpcError,
  loadServices,
  payloadCodec,
  StatusCode,
  StatusError,
  TtrpcClient,
  TtrpcServer,
  type CallContext,
  type MethodDefinition,
} from 'nestjs-ttrpc/engine';

interface Numeral {
  value: number;
}

const catalog = loadServices({
  protoPath: fileURLToPath(new URL('../counter.proto', import.meta.url)),
  loader: { defaults: true },
});
const counter = catalog.service('counter.v1.Counter');

function method(name: string): MethodDefinition<Numeral, Numeral> {
  const found = counter.methods.find((candidate) => candidate.name === name);
  assert.ok(found, name);
  return found as MethodDefinition<Numeral, Numeral>;
}

const server = new TtrpcServer();
server.addService(counter, {
  Double: ({ value }: Numeral, { metadata }: CallContext): Numeral => {
    if (value < 0) throw new StatusError({ code: StatusCode.OutOfRange, message: 'too small' });
    return { value: value * Number(metadata.get('factor')[0] ?? 2) };
  },
  async *CountTo({ value }: Numeral) {
    for (let n = 1; n <= value; n += 1) yield { value: n };
  },
  async Sum(numbers: AsyncIterable<Numeral>) {
    let sum = 0;
    for await (const { value } of numbers) sum += value;
    return { value: sum };
  },
  async *RunningSum(numbers: AsyncIterable<Numeral>) {
    let sum = 0;
    for await (const { value } of numbers) yield { value: (sum += value) };
  },
});

// Generated code brings its own codec.
const text = payloadCodec<string>({
  encode: (message) => Buffer.from(message),
  decode: (bytes) => bytes.toString(),
});
const shout = {
  service: 'text.Text',
  name: 'Shout',
  kind: 'unary',
  request: text,
  response: text,
} as const;
server.addService(
  { name: 'text.Text', methods: [shout] },
  { shout: (message: string) => message.toUpperCase() },
);

async function list(numbers: AsyncIterable<Numeral>): Promise<number[]> {
  const values: number[] = [];
  for await (const { value } of numbers) values.push(value);
  return values;
}

const numbers = [{ value: 1 }, { value: 2 }, { value: 3 }];

async function callEverything(client: TtrpcClient): Promise<void> {
  assert.deepEqual(await client.unary(method('Double'), { value: 21 }), { value: 42 });
  const metadata = { factor: '3' };
  assert.deepEqual(await client.unary(method('Double'), { value: 2 }, { metadata }), { value: 6 });
  assert.deepEqual(await list(client.serverStreaming(method('CountTo'), { value: 3 })), [1, 2, 3]);
  assert.deepEqual(await client.clientStreaming(method('Sum'), numbers), { value: 6 });
  assert.deepEqual(await list(client.bidirectional(method('RunningSum'), numbers)), [1, 3, 6]);
  assert.equal(await client.unary(shout, 'ttrpc', { timeoutMs: 5000 }), 'TTRPC');
  await assert.rejects(client.unary(method('Double'), { value: -1 }), (error) => {
    assert.ok(isTtrpcError(error) && error.kind === 'ttrpc.status');
    assert.equal(error.code, StatusCode.OutOfRange);
    return true;
  });
}

const folder = mkdtempSync(join(tmpdir(), 'counter-'));
try {
  const address = await server.listen(`unix://${join(folder, 'counter.sock')}`);
  const client = new TtrpcClient({ address });
  await callEverything(client);
  await client.close();

  const accepting = createServer((socket) => void server.serve(socket));
  const path = join(folder, 'duplex.sock');
  await new Promise<void>((resolve) => accepting.listen(path, resolve));
  const other = new TtrpcClient({ dial: () => createConnection(path) });
  await callEverything(other);
  await other.close();
  accepting.close();

  await server.shutdown({ graceMs: 1000 });
} finally {
  rmSync(folder, { recursive: true });
}
