import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../lib/rpc/fifo.js';

describe('Fifo', () => {
  it('gives what it was given, in order, whatever is taken in between', () => {
    const step = fc.record({ push: fc.nat({ max: 3000 }), take: fc.nat({ max: 3000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const fifo = new Fifo<number>();
        let pushed = 0;
        let taken = 0;
        for (const { push, take } of steps) {
          for (let count = 0; count < push; count++) fifo.push(pushed++);
          const until = Math.min(pushed, taken + take);
          const got: number[] = [];
          while (taken + got.length < until) got.push(fifo.take());
          expect(got).toEqual(got.map((_, index) => taken + index));
          taken = until;
          expect(fifo.length).toBe(pushed - taken);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is empty after clear', () => {
    const fifo = new Fifo<number>();
    for (let n = 0; n < 3; n++) fifo.push(n);
    fifo.take();
    fifo.clear();
    expect(fifo.length).toBe(0);
    fifo.push(7);
    expect(fifo.take()).toBe(7);
  });
});
