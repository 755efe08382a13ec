import { setTimeout } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { findShims, type ShimBundle } from 'nestjs-ttrpc/containerd';
import { BehaviorSubject } from 'rxjs';
import { SETTINGS } from '../settings.js';
import { FollowedTask } from './followed-task.js';
import type { ExitView, LiveView } from './task-view.js';

/** How many exits are remembered. */
const MOST_EXITS = 20;

/** Follows the tasks of containerd's bundles for as long as the application runs. */
@Injectable()
export class TaskList implements OnApplicationBootstrap, OnModuleDestroy {
  /** The newest view at once, then each one that differs; it completes when the application ends. */
  readonly live = new BehaviorSubject<LiveView>({ tasks: [], exits: [], problems: [] });
  readonly #tasks = new Map<string, FollowedTask>();
  readonly #ending = new AbortController();
  #exits: readonly ExitView[] = [];
  #problems: readonly string[] = [];
  #loop: Promise<void> | undefined;

  onApplicationBootstrap(): void {
    this.#loop = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#ending.abort();
    await this.#loop;
    await Promise.all([...this.#tasks.values()].map((task) => task.close()));
    this.live.complete();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#look();
      await setTimeout(SETTINGS.pollMs, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    try {
      const { shims, unreadable } = await findShims(SETTINGS);
      this.#problems = unreadable.map(({ error }) => error.message);
      await this.#keep(shims);
    } catch (error) {
      this.#problems = [(error as Error).message];
    }
    await Promise.all([...this.#tasks.values()].map((task) => task.refresh()));
    this.#publish();
  }

  /** Follows these tasks, and no others. */
  async #keep(shims: readonly ShimBundle[]): Promise<void> {
    const found = new Map(shims.map((shim) => [`${shim.namespace}/${shim.id}`, shim]));
    for (const [key, task] of this.#tasks) {
      const shim = found.get(key);
      if (shim !== undefined && task.serves(shim)) continue;
      this.#tasks.delete(key);
      await task.close();
    }
    for (const [key, shim] of found) {
      if (!this.#tasks.has(key)) this.#add(key, shim);
    }
  }

  #add(key: string, shim: ShimBundle): void {
    try {
      if (shim.protocol !== 'ttrpc') throw new TypeError(`its shim speaks ${shim.protocol}`);
      this.#tasks.set(key, new FollowedTask(shim, (exit) => this.#exited(key, exit)));
    } catch (error) {
      this.#problems = [...this.#problems, `${key}: ${(error as Error).message}`];
    }
  }

  #exited(key: string, exit: ExitView): void {
    this.#exits = [exit, ...this.#exits].slice(0, MOST_EXITS);
    this.#publish();
    // It is asked again at once: the page need not show it running until the next look.
    void this.#tasks
      .get(key)
      ?.refresh()
      .then(() => this.#publish());
  }

  #publish(): void {
    const tasks = [...this.#tasks.values()].map(({ view }) => view);
    this.live.next({ tasks, exits: this.#exits, problems: this.#problems });
  }
}
