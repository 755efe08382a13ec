/** What several rounds gave. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there is nothing to summarise */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('a spread needs at least one value');
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
  };
}

/** The value that a share of the sorted values does not exceed; between two of them, linearly. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** The spread of `above[i] / below[i]`: only what was measured in the same round is compared. */
export function ratio(above: readonly number[], below: readonly number[]): Spread {
  const rounds = Math.min(above.length, below.length);
  return spread(
    Array.from(
      { length: rounds },
      (_, round) => (above[round] as number) / (below[round] as number),
    ),
  );
}
