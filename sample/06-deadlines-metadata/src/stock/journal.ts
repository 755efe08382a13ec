import { Injectable } from '@nestjs/common';

/** What the stock has seen of each request. */
@Injectable()
export class Journal {
  private readonly notes = new Map<string, string[]>();

  note(requestId: string, text: string): void {
    this.notes.set(requestId, [...(this.notes.get(requestId) ?? []), text]);
  }

  /** A line for each request. */
  get lines(): string[] {
    return [...this.notes].map(([requestId, texts]) => `request ${requestId}: ${texts.join(', ')}`);
  }
}
