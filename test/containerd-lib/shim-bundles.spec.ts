import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findShims, readShimAddress } from '../../lib/containerd/shim-bundles.js';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'shims-'));
});

afterEach(async () => {
  await rm(state, { recursive: true });
});

/** Makes a bundle with these files. */
async function bundle(
  namespace: string,
  id: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(state, 'io.containerd.runtime.v2.task', namespace, id);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const V3 = '{"version":3,"address":"unix:///run/containerd/s/b","protocol":"ttrpc"}';

describe('findShims', () => {
  it('finds the tasks of all namespaces', async () => {
    const one = await bundle('n1', 'one', { address: 'unix:///run/containerd/s/a' });
    const two = await bundle('n2', 'two', { 'bootstrap.json': V3 });
    const { shims, unreadable } = await findShims({ state });
    expect(unreadable).toEqual([]);
    expect(shims).toEqual([
      {
        id: 'one',
        namespace: 'n1',
        bundle: one,
        address: 'unix:///run/containerd/s/a',
        protocol: 'ttrpc',
        version: 2,
      },
      {
        id: 'two',
        namespace: 'n2',
        bundle: two,
        address: 'unix:///run/containerd/s/b',
        protocol: 'ttrpc',
        version: 3,
      },
    ]);
  });

  it('finds those of one namespace only', async () => {
    await bundle('n1', 'one', { address: 'unix:///a' });
    await bundle('n2', 'two', { address: 'unix:///b' });
    const { shims } = await findShims({ state, namespace: 'n2' });
    expect(shims.map(({ id }) => id)).toEqual(['two']);
  });

  it('orders them by their names', async () => {
    for (const id of ['b', 'c', 'a']) await bundle('n', id, { address: `unix:///${id}` });
    const { shims } = await findShims({ state });
    expect(shims.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('finds none where containerd has never run a task', async () => {
    expect(await findShims({ state })).toEqual({ shims: [], unreadable: [] });
    expect(await findShims({ state, namespace: 'n' })).toEqual({ shims: [], unreadable: [] });
  });

  it('passes over a bundle whose shim is not there yet, and over files', async () => {
    await bundle('n', 'new', { 'config.json': '{}' });
    await writeFile(join(state, 'io.containerd.runtime.v2.task', 'n', 'file'), '');
    expect(await findShims({ state })).toEqual({ shims: [], unreadable: [] });
  });

  it('goes on behind a bundle that it cannot read, and names it', async () => {
    const broken = await bundle('n', 'a', { 'bootstrap.json': '{"version":3' });
    await bundle('n', 'b', { address: 'unix:///b' });
    const { shims, unreadable } = await findShims({ state });
    expect(shims.map(({ id }) => id)).toEqual(['b']);
    expect(unreadable.map((found) => found.bundle)).toEqual([broken]);
  });

  it('says what is wrong with the folder of the bundles', async () => {
    await writeFile(join(state, 'io.containerd.runtime.v2.task'), '');
    await expect(findShims({ state })).rejects.toThrow(/ENOTDIR.*io\.containerd\.runtime/);
  });

  it.each(['', '.', '..', '../n', 'n/..', 'n ', '-n'])(
    'refuses %j, which is no namespace',
    async (namespace) => {
      await bundle('n', 'one', { address: 'unix:///a' });
      await expect(findShims({ state, namespace })).rejects.toThrow(
        `got ${JSON.stringify(namespace)}`,
      );
    },
  );
});

describe('readShimAddress', () => {
  it('prefers bootstrap.json, which tells the version', async () => {
    const folder = await bundle('n', 'a', { address: 'unix:///a', 'bootstrap.json': V3 });
    expect(await readShimAddress(folder)).toMatchObject({ version: 3 });
  });

  it('leaves out the end of the line', async () => {
    const folder = await bundle('n', 'a', { address: 'unix:///a\n' });
    expect(await readShimAddress(folder)).toMatchObject({ address: 'unix:///a' });
  });

  it('gives nothing of a bundle without a shim', async () => {
    expect(await readShimAddress(await bundle('n', 'a', {}))).toBeUndefined();
    expect(await readShimAddress(await bundle('n', 'b', { address: '' }))).toBeUndefined();
    expect(await readShimAddress(join(state, 'nowhere'))).toBeUndefined();
  });

  it.each([
    ['no JSON', '{', /bootstrap\.json must be JSON, got \{/],
    ['null', 'null', /must have a version, an address and a protocol, got null/],
    ['without a version', '{"address":"unix:///a","protocol":"ttrpc"}', /must have a version/],
    ['without an address', '{"version":2,"protocol":"ttrpc"}', /must have a version/],
    ['without a protocol', '{"version":2,"address":"unix:///a"}', /must have a version/],
  ])('refuses a bootstrap.json that is %s', async (_, text, message) => {
    const folder = await bundle('n', 'a', { 'bootstrap.json': text });
    await expect(readShimAddress(folder)).rejects.toThrow(TypeError);
    await expect(readShimAddress(folder)).rejects.toThrow(message);
  });
});
