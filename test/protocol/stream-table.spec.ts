import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { StreamTable } from '../../lib/protocol/stream-table.js';

interface Named {
  readonly streamId: number;
  readonly name: string;
}

const named = (streamId: number): Named => ({ streamId, name: `stream ${streamId}` });

function tableOf(...ids: number[]): StreamTable<Named> {
  const table = new StreamTable<Named>();
  for (const id of ids) table.add(named(id));
  return table;
}

/** The ids 1, 3, 5, … of so many streams, as a client gives them. */
const idsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + 2 * index);

describe('StreamTable', () => {
  it('finds what was added until it is deleted', () => {
    const table = tableOf(1, 3);
    expect(table.get(3)).toEqual(named(3));
    table.delete(3);
    expect(table.get(3)).toBeUndefined();
    expect(table.get(1)).toEqual(named(1));
    expect(table.size).toBe(1);
  });

  it('knows no id that was never added, 0 and 2^32 - 1 included', () => {
    const table = tableOf(3);
    for (const id of [0, 1, 2, 35, 2 ** 31 + 1, 2 ** 32 - 1]) {
      expect(table.get(id)).toBeUndefined();
      table.delete(id);
    }
    expect(table.size).toBe(1);
  });

  it('takes ids up to 2^32 - 1', () => {
    const table = tableOf(2 ** 32 - 1);
    expect(table.get(2 ** 32 - 1)).toEqual(named(2 ** 32 - 1));
    table.delete(2 ** 32 - 1);
    expect(table.size).toBe(0);
  });

  it('keeps a stream that outlives many others', () => {
    const table = tableOf(1);
    for (const id of idsFrom(3, 1000)) {
      table.add(named(id));
      table.delete(id);
    }
    expect(table.get(1)).toEqual(named(1));
    expect(table.size).toBe(1);
    table.delete(1);
    expect(table.get(1)).toBeUndefined();
    expect(table.size).toBe(0);
  });

  it('holds thousands at once, and again after it was empty', () => {
    const table = new StreamTable<Named>();
    for (const first of [1, 20_001]) {
      const ids = idsFrom(first, 5000);
      for (const id of ids) table.add(named(id));
      expect(ids.filter((id) => table.get(id)?.name !== `stream ${id}`)).toEqual([]);
      for (const id of ids) table.delete(id);
      expect(table.size).toBe(0);
    }
  });

  it('is drained in the order of ids, those that lived long first', () => {
    const table = tableOf(1, 3);
    for (const id of idsFrom(5, 40)) {
      table.add(named(id));
      table.delete(id);
    }
    for (const id of [87, 85]) table.add(named(id));
    expect(table.drain().map(({ name }) => name)).toEqual(
      [1, 3, 85, 87].map((id) => `stream ${id}`),
    );
    expect(table.size).toBe(0);
    expect(table.get(1)).toBeUndefined();
    expect(table.drain()).toEqual([]);
  });

  it('holds what a Map would', () => {
    // Few ids that share few slots, and steps far enough to grow: see that all ways are gone.
    const id = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 400 }), fc.nat({ max: 2 ** 31 - 1 }));
    const steps = fc.array(fc.record({ odd: id.map((half) => half * 2 + 1), add: fc.boolean() }), {
      maxLength: 300,
      size: 'max',
    });
    fc.assert(
      fc.property(steps, (all) => {
        const model = new Map<number, Named>();
        const table = new StreamTable<Named>();
        for (const { odd, add } of all) {
          if (add && !model.has(odd)) {
            const stream = named(odd);
            model.set(odd, stream);
            table.add(stream);
          } else if (!add) {
            model.delete(odd);
            table.delete(odd);
          }
          expect(table.size).toBe(model.size);
        }
        for (const { odd } of all) expect(table.get(odd)).toBe(model.get(odd));
        const ordered = [...model].toSorted(([one], [other]) => one - other);
        expect(table.drain()).toEqual(ordered.map(([, stream]) => stream));
      }),
    );
  });
});
