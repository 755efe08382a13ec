import { Injectable } from '@nestjs/common';
import { defer, distinctUntilChanged, map, startWith, Subject, type Observable } from 'rxjs';

/** What may be said of a service; one of which nothing was said is `SERVICE_UNKNOWN` to a watcher. */
export type HealthStatus = 'NOT_SERVING' | 'SERVING' | 'UNKNOWN';

/**
 * What `TtrpcHealthModule` tells callers about the services of the application. At first only the
 * whole of it, whose name is empty, is known, and serving.
 *
 * @example
 * ```ts
 * health.set('hero.HeroService', 'NOT_SERVING');
 * ```
 */
@Injectable()
export class TtrpcHealth {
  readonly #statuses = new Map<string, HealthStatus>([['', 'SERVING']]);
  readonly #changes = new Subject<void>();

  /**
   * Says how a service is; who watches it hears of it.
   *
   * @param service - the name that callers ask for; `''` is the whole application
   */
  set(service: string, status: HealthStatus): void {
    this.#statuses.set(service, status);
    this.#changes.next();
  }

  /** What was said last, if anything was. */
  get(service: string): HealthStatus | undefined {
    return this.#statuses.get(service);
  }

  /** The status now, and each other one from now on. */
  watch(service: string): Observable<HealthStatus | 'SERVICE_UNKNOWN'> {
    const current = (): HealthStatus | 'SERVICE_UNKNOWN' => this.get(service) ?? 'SERVICE_UNKNOWN';
    return defer(() =>
      this.#changes.pipe(startWith(undefined), map(current), distinctUntilChanged()),
    );
  }

  /** In a hybrid application the server still answers by then: nothing serves any more. */
  onModuleDestroy(): void {
    for (const service of this.#statuses.keys()) this.#statuses.set(service, 'NOT_SERVING');
    this.#changes.next();
  }
}
