/**
 * Lets what a user's callback threw surface as an uncaught exception of its own, as from an event
 * listener, so that nothing else is cut short by it: not the other calls of the connection.
 */
export function surface(thrown: unknown): void {
  queueMicrotask(() => {
    throw thrown;
  });
}
