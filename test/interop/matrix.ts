import { PEERS, type Peer } from './peers.js';

/** Which side the peer is on. */
export type Role = 'serves' | 'calls';

/** A case with a peer on one side. */
export interface Cell {
  readonly peer: Peer;
  readonly role: Role;
  readonly name: string;
  /** Why it goes another way than elsewhere. */
  readonly because?: string | undefined;
}

/** Collects what became of every case with every peer, and draws it. */
export class Matrix {
  readonly #cells = new Map<string, Map<string, string>>();
  readonly #notes: string[] = [];

  note({ peer, role, name, because }: Cell, result: 'ok' | 'FAIL'): void {
    const row = this.#cells.get(name) ?? new Map<string, string>();
    this.#cells.set(name, row);
    const mark = because === undefined ? '' : ` ${this.#mark(because)}`;
    row.set(`${peer.name} ${role}`, result + mark);
  }

  toString(): string {
    const columns = PEERS.flatMap(({ name }) => [`${name} serves`, `${name} calls`]);
    const width = Math.max(...[...this.#cells.keys()].map((name) => name.length));
    const line = (name: string, cells: readonly string[]): string =>
      `${name.padEnd(width)}  ${cells.map((cell) => cell.padEnd(6)).join(' ')}`.trimEnd();
    const heads = [0, 1, 2].map((word) => columns.map((column) => column.split(' ')[word]!));
    const rows = [...this.#cells].map(([name, row]) =>
      line(
        name,
        columns.map((column) => row.get(column) ?? '-'),
      ),
    );
    const notes = this.#notes.map((note, i) => `  ${i + 1}  ${note}`);
    return [
      ...heads.map((words) => line('', words)),
      ...rows,
      '',
      '-  does not apply: Go 1.1.2 has no streams, and some cases are for our client alone',
      ...notes,
    ].join('\n');
  }

  #mark(because: string): number {
    const known = this.#notes.indexOf(because);
    return known < 0 ? this.#notes.push(because) : known + 1;
  }
}
