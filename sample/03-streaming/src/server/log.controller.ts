import { Controller, UseGuards } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { map, reduce, type Observable } from 'rxjs';
import type { Line, Summary, TailRequest } from '../log.js';
import { SlowGuard } from './slow.guard.js';

const TEXT = '#'.repeat(64 * 1024);

@Controller()
@UseGuards(SlowGuard)
export class LogController {
  /** A generator goes on as its reader takes the lines, so only some of them are ever in memory. */
  @GrpcMethod('LogService')
  async *tail({ lines }: TailRequest): AsyncGenerator<Line> {
    for (let number = 1; number <= lines; number++) yield { number, text: TEXT };
    console.log('server: wrote the last line');
  }

  @GrpcStreamMethod('LogService')
  ship(lines: Observable<Line>): Observable<Summary> {
    return lines.pipe(
      reduce(
        (sum, { number }) => ({
          lines: sum.lines + 1,
          outOfOrder: sum.outOfOrder + (number === sum.lines + 1 ? 0 : 1),
        }),
        { lines: 0, outOfOrder: 0 },
      ),
    );
  }

  @GrpcStreamMethod('LogService')
  redact(lines: Observable<Line>): Observable<Line> {
    return lines.pipe(
      map(({ number, text }) => ({ number, text: text.replace(/secret/g, '******') })),
    );
  }
}
