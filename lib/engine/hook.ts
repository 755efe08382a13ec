import { surface } from '../rpc/surface.js';

/**
 * A user's callback, made safe to call in the middle of something: what it throws surfaces as an
 * uncaught exception of its own, as from an event listener, and nothing else is cut short by it.
 */
export function hook<Args extends unknown[]>(
  callback: ((...args: Args) => void) | undefined,
): (...args: Args) => void {
  if (callback === undefined) return nothing;
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      surface(error);
    }
  };
}

function nothing(): void {
  // Nobody wants to hear of it.
}
