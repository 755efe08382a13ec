/** The lines that a server says, to be waited for. */
export class EventLog {
  readonly lines: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  say(line: string): void {
    this.lines.push(line);
    this.#waiting.get(line)?.();
  }

  /** Resolves when the line has been said. */
  async until(line: string): Promise<void> {
    if (this.lines.includes(line)) return;
    await new Promise<void>((resolve) => this.#waiting.set(line, resolve));
  }
}
