/** Work of a client process, which its runner looks in on. */
export interface Job<Result = unknown> {
  /** Calls that have ended. */
  done(): number;
  /** Makes no more calls. */
  stop(): void;
  /** Resolves when the last call has ended; rejects with the first that has not ended as it must. */
  readonly result: Promise<Result>;
}

/**
 * Makes calls, so many at once.
 *
 * @param one - makes one; told its number, from 0
 */
export function repeat(
  calls: number,
  atOnce: number,
  one: (index: number) => Promise<void>,
): Job<number> {
  let [begun, ended, wanted] = [0, 0, calls];
  const work = async (): Promise<void> => {
    while (begun < wanted) {
      await one(begun++);
      ended += 1;
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, calls) }, work);
  return {
    done: () => ended,
    stop: () => void (wanted = 0),
    result: Promise.all(workers).then(() => ended),
  };
}
