/** What a {@link StreamTable} keeps. */
interface Stream {
  /** An odd number, its place among all streams of the connection. */
  readonly streamId: number;
}

/** Slots of a fresh table; all that an idle connection has. */
const FEWEST_SLOTS = 4;

/** A table that is empty again lets its slots go if there are more of them than this. */
const MOST_IDLE_SLOTS = 2048;

/**
 * The open streams of a connection, by id. The slot of a stream follows from its id. Ids count up,
 * so a slot is mostly free again before it is needed again; a stream that is still in it moves
 * aside.
 *
 * Not a Map, since V8's defeats the garbage collector when entries come and go: every few insertions
 * it moves to fresh memory and leaves a link there in the old. As soon as one such link has grown
 * old, it keeps all that follow alive, with the calls in them, until a full collection.
 */
export class StreamTable<Kept extends Stream> {
  #slots: (Kept | undefined)[] = emptySlots(FEWEST_SLOTS);
  /** Streams whose slot a later one has; made when there is one. */
  #aside: Map<number, Kept> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Kept | undefined {
    const stream = this.#slots[this.#slotOf(id)];
    if (stream?.streamId === id) return stream;
    return this.#aside?.get(id);
  }

  /** @param stream - its id is not in the table */
  add(stream: Kept): void {
    const id = stream.streamId;
    if (this.#slots[this.#slotOf(id)] !== undefined) this.#makeRoom(id);
    this.#slots[this.#slotOf(id)] = stream;
    this.#size++;
  }

  /** Forgets a stream; nothing happens when it is not there. */
  delete(id: number): void {
    const slot = this.#slotOf(id);
    if (this.#slots[slot]?.streamId === id) {
      this.#slots[slot] = undefined;
    } else if (this.#aside?.delete(id) !== true) {
      return;
    }
    this.#size--;
    if (this.#size === 0 && this.#slots.length > MOST_IDLE_SLOTS) {
      this.#slots = emptySlots(FEWEST_SLOTS);
    }
  }

  /** Takes all streams out, in the order of their ids. */
  drain(): Kept[] {
    const streams = [...(this.#aside?.values() ?? []), ...this.#slots];
    this.#slots = emptySlots(FEWEST_SLOTS);
    this.#aside = undefined;
    this.#size = 0;
    return streams
      .filter((stream) => stream !== undefined)
      .toSorted((one, other) => one.streamId - other.streamId);
  }

  /** More slots if many are in use; otherwise the stream that is in the way has lived long. */
  #makeRoom(id: number): void {
    const slots = this.#slots;
    if (this.#size * 2 < slots.length) {
      const inTheWay = slots[this.#slotOf(id)] as Kept;
      this.#aside ??= new Map();
      this.#aside.set(inTheWay.streamId, inTheWay);
      return;
    }
    this.#slots = emptySlots(slots.length * 2);
    for (const stream of slots) {
      if (stream !== undefined) this.#slots[this.#slotOf(stream.streamId)] = stream;
    }
    if (this.#slots[this.#slotOf(id)] !== undefined) this.#makeRoom(id);
  }

  #slotOf(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }
}

function emptySlots<Kept>(slots: number): (Kept | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}
