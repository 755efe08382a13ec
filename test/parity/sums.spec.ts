import { Controller, Get, Inject } from '@nestjs/common';
import {
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  RpcException,
  type ClientGrpc,
} from '@nestjs/microservices';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { firstValueFrom, from, map, range, throwError, type Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { all, CLIENT, closeLater, start, startHybrid, turn } from './application.js';
import { SUMS, TRANSPORTS, type ParityTransport } from './transports.js';

interface Terms {
  readonly terms: number[];
}

interface Total {
  readonly total: number;
}

interface Sums {
  sum(request: Terms): Observable<Total>;
  Sum(request: Terms): Observable<Total>;
  divide(request: { dividend: number; divisor: number }): Observable<Total>;
  flood(request: { count: number; bytes: number }): Observable<{ index?: number; data: Buffer }>;
}

const sumOf = ({ terms }: Terms): Total => ({ total: terms.reduce((sum, term) => sum + term, 0) });

@Controller()
class SumsController {
  readonly #client: ClientGrpc;

  constructor(@Inject(CLIENT) client: ClientGrpc) {
    this.#client = client;
  }

  @Get('/sum')
  overHttp(): Observable<Total> {
    return this.#client.getService<Sums>('Sums').sum({ terms: [1, 2, 3, 4, 5] });
  }

  @Get('/upper')
  upper(): Observable<Total> {
    return this.#client.getService<Sums>('Sums').Sum({ terms: [1, 2, 3, 4, 5] });
  }

  @GrpcMethod('Sums')
  async sum(terms: Terms): Promise<Total> {
    return sumOf(terms);
  }

  @GrpcMethod('Sums2', 'Sum')
  sum2({ terms }: Terms): Observable<Total> {
    return from([{ total: -sumOf({ terms }).total }]);
  }

  @GrpcStreamMethod('Sums')
  sumEach(requests: Observable<Terms>): Observable<Total> {
    return requests.pipe(map(sumOf));
  }

  @GrpcStreamCall('Sums')
  sumRaw(call: ServerDuplexStream<Terms, Total>): void {
    call.on('data', (terms: Terms) => call.write(sumOf(terms)));
    call.on('end', () => call.end());
  }

  @GrpcMethod('Sums')
  flood({ count, bytes }: { count: number; bytes: number }): Observable<object> {
    const data = Buffer.alloc(bytes, 1);
    return range(0, count).pipe(map((index) => ({ index, data })));
  }

  @GrpcMethod('Sums')
  divide({ dividend, divisor }: { dividend: number; divisor?: number }): Observable<Total> {
    if (divisor) return from([{ total: dividend / divisor }]);
    const error = { code: 3, message: 'dividing by 0 is not possible' };
    return throwError(() => new RpcException(error));
  }
}

const unhandled = vi.fn();
beforeAll(() => process.on('unhandledRejection', unhandled));
afterAll(() => process.off('unhandledRejection', unhandled));

const serve = (transport: ParityTransport) => start(transport, SUMS, [SumsController]);

describe.each(TRANSPORTS)('sums over $name', (transport) => {
  it('(1) answers HTTP with what a call gave', async () => {
    const { get } = await startHybrid(transport, SUMS, [SumsController]);
    expect(await get('/sum')).toEqual({ total: 15 });
  });

  it('(2) has methods by their name in the .proto too', async () => {
    const { get } = await startHybrid(transport, SUMS, [SumsController]);
    expect(await get('/upper')).toEqual({ total: 15 });
  });

  it('(3) gives what an overridden serializeError makes of an error', async () => {
    class Wrapping extends transport.clientClass {
      override serializeError(error: Error): RpcException {
        return new RpcException(error);
      }
    }
    const { place, client } = await serve(transport);
    const { gracefulShutdown: _, ...options } = place;
    const wrapping = new Wrapping(options);
    closeLater({ close: async () => wrapping.close() });
    const failureOf = (given: ClientGrpc): Promise<unknown> =>
      firstValueFrom(given.getService<Sums>('Sums').divide({ dividend: 1, divisor: 0 })).catch(
        (error: unknown) => error,
      );
    const wrapped = await failureOf(wrapping);
    expect(wrapped).toBeInstanceOf(RpcException);
    expect((wrapped as RpcException).getError()).toMatchObject({ code: 3 });
    expect(await failureOf(client)).not.toBeInstanceOf(RpcException);
  });

  it('(4) reaches services of several packages through one client', async () => {
    const { client } = await serve(transport);
    const request = { terms: [1, 2] };
    expect(await all(client.getService<Sums>('Sums').sum(request))).toEqual([{ total: 3 }]);
    expect(await all(client.getService<Sums>('Sums2').sum(request))).toEqual([{ total: -3 }]);
  });

  it.each([
    ['(5) answers a raw stream from a handler with an Observable', 'SumEach'],
    ['(6) answers a raw stream from a handler with the raw call', 'SumRaw'],
  ])('%s, and bears being cancelled', async (_, method) => {
    const { raw, client } = await serve(transport);
    const call = raw.open('sums.Sums', method);
    call.send({ terms: [1, 2, 3, 4, 5] });
    expect(await call.first).toEqual({ total: 15 });
    call.cancel();
    expect(await call.ended).toMatch(/^1 CANCELLED: /);
    expect(await all(client.getService<Sums>('Sums').sum({ terms: [7] }))).toEqual([{ total: 7 }]);
  });

  it('(7) brings a thousand messages of a megabyte, each once and in order', async () => {
    const count = 1000;
    const bytes = 1_050_000;
    const { client } = await serve(transport);
    let index = 0;
    const faults: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      const flood = client.getService<Sums>('Sums').flood({ count, bytes });
      flood.subscribe({
        next: (chunk) => {
          if ((chunk.index ?? 0) !== index || chunk.data.length !== bytes) faults.push(chunk.index);
          index += 1;
        },
        error: reject,
        complete: resolve,
      });
    });
    expect([index, faults]).toEqual([count, []]);
  }, 60_000);

  it('(8) ends a stream that fails with its status, and leaves no rejection behind', async () => {
    const { raw } = await serve(transport);
    const request = { dividend: 1, divisor: 0 };
    const call = raw.open('sums.Sums', 'Divide', { request });
    expect(await call.ended).toBe('3 INVALID_ARGUMENT: dividing by 0 is not possible');
    expect(call.received).toEqual([]);
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });
});
