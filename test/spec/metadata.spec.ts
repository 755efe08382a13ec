import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { describe, expect, it, vi } from 'vitest';
import { Metadata, toMetadata } from '../../lib/spec/metadata.js';

function filled(): Metadata {
  const metadata = new Metadata();
  metadata.add('A', '1');
  metadata.add('b', '2');
  metadata.add('a', '3');
  return metadata;
}

describe('Metadata', () => {
  it('keeps pairs in order, keys in lower case, values as they are', () => {
    const metadata = filled();
    metadata.add('C', 'VALUE');
    expect([...metadata]).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', 'VALUE'],
    ]);
    expect(metadata.size).toBe(4);
  });

  it('gives the values of a key in order, however the key is spelled', () => {
    expect(filled().get('A')).toEqual(['1', '3']);
    expect(filled().get('missing')).toEqual([]);
  });

  it('gives first values by key, and all of them', () => {
    expect({ ...filled().getMap() }).toEqual({ a: '1', b: '2' });
    expect({ ...filled().toJSON() }).toEqual({ a: ['1', '3'], b: ['2'] });
  });

  it('takes keys for names, whatever objects inherit', () => {
    const metadata = new Metadata();
    metadata.add('__proto__', 'x');
    metadata.add('constructor', 'y');
    expect(Object.entries(metadata.getMap())).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.keys(metadata.toJSON())).toEqual(['__proto__', 'constructor']);
  });

  it('replaces and removes every value of a key', () => {
    const metadata = filled();
    metadata.set('A', '4');
    expect([...metadata]).toEqual([
      ['b', '2'],
      ['a', '4'],
    ]);
    metadata.remove('B');
    expect([...metadata]).toEqual([['a', '4']]);
  });

  it('copies and merges without sharing', () => {
    const metadata = filled();
    const copy = metadata.clone();
    copy.add('a', '5');
    expect(metadata.get('a')).toEqual(['1', '3']);
    metadata.merge(metadata);
    expect(metadata.get('a')).toEqual(['1', '3', '1', '3']);
    expect(copy.get('a')).toEqual(['1', '3', '5']);
  });

  it('copies as many pairs as a peer can send', () => {
    const pairs = Array.from({ length: 500_000 }, (): [string, string] => ['', '']);
    expect(new Metadata(() => pairs).clone().size).toBe(500_000);
  });

  it('loads its pairs when somebody asks, once', () => {
    const load = vi.fn((): [string, string][] => [['k', 'v']]);
    const metadata = new Metadata(load);
    expect(load).not.toHaveBeenCalled();
    expect(metadata.get('k')).toEqual(['v']);
    metadata.remove('k');
    expect(metadata.size).toBe(0);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['', 'v', 'metadata key must be a non-empty string, got an empty string'],
    [5, 'v', 'metadata key must be a non-empty string, got number'],
    ['k', 5, 'metadata value of "k" must be a string, got number'],
    ['k', null, 'metadata value of "k" must be a string, got null'],
    ['k-bin', Buffer.of(1), 'metadata value of "k-bin" must be a string, got a Buffer'],
  ])('refuses the pair %o: %o', (key, value, message) => {
    const metadata = new Metadata();
    expect(() => metadata.add(key as string, value as string)).toThrow(new TypeError(message));
    expect(metadata.size).toBe(0);
  });
});

describe('toMetadata', () => {
  it('passes metadata through', () => {
    const metadata = filled();
    expect(toMetadata(metadata)).toBe(metadata);
  });

  it('takes nothing for empty metadata', () => {
    expect(toMetadata(undefined).size).toBe(0);
  });

  it('reads maps, plain objects and what has a toJSON', () => {
    const expected = [
      ['a', '1'],
      ['a', '2'],
      ['b', '3'],
    ];
    const given = { A: ['1', '2'], b: '3' };
    expect([...toMetadata(given)]).toEqual(expected);
    expect([...toMetadata(new Map(Object.entries(given)))]).toEqual(expected);
    expect([...toMetadata({ toJSON: () => ({ a: ['1', '2'], b: ['3'] }) })]).toEqual(expected);
  });

  it('reads the metadata of grpc-js, binary values excepted', () => {
    const given = new GrpcMetadata();
    given.add('a', '1');
    given.add('a', '2');
    expect(toMetadata(given).get('a')).toEqual(['1', '2']);
    given.add('b-bin', Buffer.of(1));
    expect(() => toMetadata(given)).toThrow('metadata value of "b-bin" must be a string');
  });

  it('takes a key that is named toJSON for a key', () => {
    expect([...toMetadata({ toJSON: 'x' })]).toEqual([['tojson', 'x']]);
  });
});
