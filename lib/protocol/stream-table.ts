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
export class StreamTable<Stream extends object> {
  #ids = new Uint32Array(FEWEST_SLOTS);
  #streams: (Stream | undefined)[] = emptySlots(FEWEST_SLOTS);
  /** Streams whose slot a later one has; made when there is one. */
  #aside: Map<number, Stream> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    const slot = this.#slotOf(id);
    if (this.#ids[slot] === id) return this.#streams[slot];
    return this.#aside?.get(id);
  }

  /** @param id - an odd number that is not in the table */
  add(id: number, stream: Stream): void {
    if (this.#streams[this.#slotOf(id)] !== undefined) this.#makeRoom(id);
    this.#put(id, stream);
    this.#size++;
  }

  /** Forgets a stream; nothing happens when it is not there. */
  delete(id: number): void {
    const slot = this.#slotOf(id);
    if (this.#ids[slot] === id && this.#streams[slot] !== undefined) {
      this.#streams[slot] = undefined;
    } else if (this.#aside?.delete(id) !== true) {
      return;
    }
    this.#size--;
    if (this.#size === 0 && this.#ids.length > MOST_IDLE_SLOTS) this.#allocate(FEWEST_SLOTS);
  }

  /** Takes all streams out, in the order of their ids. */
  drain(): Stream[] {
    const entries = [...(this.#aside ?? [])];
    for (const [slot, stream] of this.#streams.entries()) {
      if (stream !== undefined) entries.push([this.#ids[slot] as number, stream]);
    }
    this.#allocate(FEWEST_SLOTS);
    this.#aside = undefined;
    this.#size = 0;
    return entries.toSorted(([one], [other]) => one - other).map(([, stream]) => stream);
  }

  /** More slots if many are in use; otherwise the stream that is in the way has lived long. */
  #makeRoom(id: number): void {
    const slots = this.#ids.length;
    if (this.#size * 2 < slots) {
      const slot = this.#slotOf(id);
      this.#aside ??= new Map();
      this.#aside.set(this.#ids[slot] as number, this.#streams[slot] as Stream);
      return;
    }
    const ids = this.#ids;
    const streams = this.#streams;
    this.#allocate(slots * 2);
    for (const [slot, stream] of streams.entries()) {
      if (stream !== undefined) this.#put(ids[slot] as number, stream);
    }
    if (this.#streams[this.#slotOf(id)] !== undefined) this.#makeRoom(id);
  }

  #put(id: number, stream: Stream): void {
    const slot = this.#slotOf(id);
    this.#ids[slot] = id;
    this.#streams[slot] = stream;
  }

  #slotOf(id: number): number {
    return (id >>> 1) & (this.#ids.length - 1);
  }

  #allocate(slots: number): void {
    this.#ids = new Uint32Array(slots);
    this.#streams = emptySlots(slots);
  }
}

function emptySlots<Stream>(slots: number): (Stream | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}
