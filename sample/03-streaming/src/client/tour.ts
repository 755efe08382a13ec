import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectTtrpcPromiseService, InjectTtrpcService } from 'nestjs-ttrpc';
import { lastValueFrom, map, of, range, toArray, type Observable } from 'rxjs';
import type { Line, Summary, TailRequest } from '../log.js';

/** The service as Observables, as Nest's gRPC client has it. */
interface LogService {
  ship(lines: Observable<Line>): Observable<Summary>;
  redact(lines: Observable<Line>): Observable<Line>;
}

/** The same service for `await` and `for await`. */
interface LogPromises {
  tail(request: TailRequest): AsyncIterable<Line>;
  ship(lines: AsyncIterable<Line>): Promise<Summary>;
}

@Injectable()
export class Tour {
  constructor(
    @InjectTtrpcService('log.LogService') private readonly log: LogService,
    @InjectTtrpcPromiseService('log.LogService') private readonly promises: LogPromises,
  ) {}

  async run(): Promise<void> {
    await this.readSlowly();
    await this.ship();
    await this.redact();
  }

  /** 16 MiB for a reader that rests: the server writes on when the reader reads on. */
  private async readSlowly(): Promise<void> {
    let lines = 0;
    for await (const { number } of this.promises.tail({ lines: 256 })) {
      if (number === 1) {
        console.log('client: rests after the first line');
        await sleep(200);
        console.log('client: reads on');
      }
      lines += 1;
    }
    console.log(`client: has read ${lines} lines`);
  }

  private async ship(): Promise<void> {
    const observed = range(1, 1000).pipe(map((number) => ({ number, text: 'observed' })));
    console.log('ship an Observable:', await lastValueFrom(this.log.ship(observed)));
    console.log('ship a generator:', await this.promises.ship(generated(1000)));
  }

  private async redact(): Promise<void> {
    const lines = of({ number: 1, text: 'the secret is out' }, { number: 2, text: 'nothing here' });
    const redacted = await lastValueFrom(this.log.redact(lines).pipe(toArray()));
    for (const { text } of redacted) console.log(`redact: ${text}`);
  }
}

async function* generated(count: number): AsyncGenerator<Line> {
  for (let number = 1; number <= count; number++) yield { number, text: 'generated' };
}
