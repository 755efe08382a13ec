import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/** Where a process's streams go: the paths of FIFOs, empty for those that there are not. */
export interface TaskStdioPaths {
  /** What the process reads. */
  readonly stdin?: string | undefined;
  /** What it prints. */
  readonly stdout?: string | undefined;
  /** What it complains. */
  readonly stderr?: string | undefined;
}

/** What `spawn` takes for one stream. */
export type StreamTarget = number | 'ignore';

/**
 * The FIFOs of one process, as a client of containerd has made them.
 *
 * Opening waits for nobody, since this holds the other end of each, too: those of stdout and stderr
 * until the process is gone, so that it goes on when its client does and finds the next one, as with
 * containerd's own shims; that of stdin until somebody else has it.
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 *
 * const stdio = new TaskStdio({ stdout: '/run/containerd/fifo/1/c1-stdout' });
 * const child = spawn('runc', ['run', 'c1'], { stdio: stdio.targets });
 * stdio.release();
 * child.once('spawn', () => stdio.closeStdin());
 * child.once('exit', () => stdio.close());
 * ```
 */
export class TaskStdio {
  /** For the option `stdio` of `spawn`. */
  readonly targets: [stdin: StreamTarget, stdout: StreamTarget, stderr: StreamTarget];
  /** Ours: by them a FIFO has both a reader and a writer. */
  readonly #kept: (number | undefined)[] = [];
  /** The process's. */
  readonly #given: number[] = [];

  /** @throws TypeError naming the path that is no FIFO, and Error of the system; nothing is open then */
  constructor({ stdin, stdout, stderr }: TaskStdioPaths) {
    try {
      this.targets = [
        this.#open(stdin, constants.O_RDONLY),
        this.#open(stdout, constants.O_WRONLY),
        this.#open(stderr, constants.O_WRONLY),
      ];
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The process has its streams: gives up the ends that were opened for it. */
  release(): void {
    for (const fd of this.#given.splice(0)) closeSync(fd);
  }

  /**
   * Holds stdin open no longer: the process finds its end when the client has closed it. For when the
   * process runs, as the client has opened it by then, and for `CloseIO`.
   */
  closeStdin(): void {
    this.#closeKept(0);
  }

  /** The process is gone: its client finds the end of what it reads. */
  close(): void {
    this.release();
    for (const index of this.#kept.keys()) this.#closeKept(index);
  }

  /** Opened for both first, which waits for nobody; nor does the second then. */
  #open(path: string | undefined, flag: number): StreamTarget {
    if (path === undefined || path === '') {
      this.#kept.push(undefined);
      return 'ignore';
    }
    const kept = openSync(path, constants.O_RDWR);
    this.#kept.push(kept);
    if (!fstatSync(kept).isFIFO()) throw new TypeError(`stdio must be FIFOs, got ${path}`);
    const given = openSync(path, flag);
    this.#given.push(given);
    return given;
  }

  #closeKept(index: number): void {
    const fd = this.#kept[index];
    this.#kept[index] = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}
