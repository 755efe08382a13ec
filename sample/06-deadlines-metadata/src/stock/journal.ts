import { Injectable } from '@nestjs/common';

/** What the stock has seen. */
@Injectable()
export class Journal {
  readonly lines: string[] = [];

  note(line: string): void {
    this.lines.push(line);
  }
}
