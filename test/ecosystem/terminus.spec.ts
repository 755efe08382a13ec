import { join } from 'node:path';
import { Controller, Get, Inject, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import {
  GRPCHealthIndicator,
  HealthCheck,
  HealthCheckService,
  MicroserviceHealthIndicator,
  TerminusModule,
  type HealthCheckResult,
} from '@nestjs/terminus';
import { lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ClientTtrpc,
  InjectTtrpcService,
  TtrpcHealth,
  TtrpcHealthModule,
  TtrpcModule,
  type ClientTtrpcOptions,
} from '../../lib/index.js';
import { closeLater, moduleOf, ROOM, socketPath, start, type Text } from '../nest/app.js';

@Controller()
class Rooms {
  @GrpcMethod('RoomService')
  say(): Text {
    return {};
  }
}

/** An HTTP application that checks what `controller` checks; gives what `GET /health` answers. */
async function checking(
  controller: Type,
  imports: ModuleMetadata['imports'] = [],
): Promise<() => Promise<[status: number, details: HealthCheckResult['details']]>> {
  const module = moduleOf({
    imports: [TerminusModule.forRoot({ logger: false }), ...imports],
    controllers: [controller],
  });
  const app = closeLater(await NestFactory.create(module, { logger: false }));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return async () => {
    const response = await fetch(`${url}/health`);
    const { details } = (await response.json()) as HealthCheckResult;
    return [response.status, details];
  };
}

function pinging(options: ClientTtrpcOptions): ReturnType<typeof checking> {
  @Controller('health')
  class Pings {
    @Inject(HealthCheckService) readonly health!: HealthCheckService;
    @Inject(MicroserviceHealthIndicator) readonly microservice!: MicroserviceHealthIndicator;

    @Get()
    @HealthCheck()
    check(): Promise<HealthCheckResult> {
      // Terminus' type asks for a transport; the class decides.
      const ping = { transport: Transport.GRPC, customClass: ClientTtrpc, options };
      return this.health.check([() => this.microservice.pingCheck('rooms', ping)]);
    }
  }
  return checking(Pings);
}

describe("@nestjs/terminus's MicroserviceHealthIndicator", () => {
  it('is up while the server is, and down from when it is not', async () => {
    const { app, url } = await start([Rooms]);
    const health = await pinging({ ...ROOM, url });
    expect(await health()).toMatchObject([200, { rooms: { status: 'up' } }]);
    await app.close();
    const [status, { rooms }] = await health();
    expect(status).toBe(503);
    expect(rooms?.status).toBe('down');
    expect(rooms?.['message']).toMatch(/cannot connect to unix:.*: .*ENOENT/);
  });

  it('is down where there never was a server', async () => {
    const health = await pinging({ ...ROOM, url: `unix://${socketPath()}` });
    expect((await health())[0]).toBe(503);
  });

  it('leaves no connection behind', async () => {
    let open = 0;
    const { url } = await start([Rooms], {
      options: { onConnect: () => void (open += 1), onClose: () => void (open -= 1) },
    });
    const health = await pinging({ ...ROOM, url });
    for (let n = 0; n < 3; n += 1) await health();
    await expect.poll(() => open).toBe(0);
  });
});

interface Health {
  check(request: { service: string }): Observable<{ status: number }>;
}

describe("@nestjs/terminus's GRPCHealthIndicator", () => {
  it('checks a ttrpc service where its healthServiceCheck calls one', async () => {
    const { app, url } = await start([Rooms], { module: { imports: [TtrpcHealthModule] } });

    @Controller('health')
    class Checks {
      @Inject(HealthCheckService) readonly health!: HealthCheckService;
      @Inject(GRPCHealthIndicator) readonly grpc!: GRPCHealthIndicator;
      @InjectTtrpcService('grpc.health.v1.Health') readonly service!: Health;

      @Get()
      @HealthCheck()
      check(): Promise<HealthCheckResult> {
        const healthServiceCheck = (_grpc: unknown, service: string) =>
          lastValueFrom(this.service.check({ service }));
        return this.health.check([
          () => this.grpc.checkService('rooms', 'acme.v1.RoomService', { healthServiceCheck }),
        ]);
      }
    }
    const protoPath = join(import.meta.dirname, 'health.proto');
    const client = TtrpcModule.register({ url, protoPath, isGlobal: true });
    const forChecks = TtrpcModule.forFeature(['grpc.health.v1.Health']);
    const health = await checking(Checks, [client, forChecks]);

    const rooms = app.get(TtrpcHealth);
    expect((await health())[0]).toBe(503);
    rooms.set('acme.v1.RoomService', 'SERVING');
    expect(await health()).toMatchObject([200, { rooms: { status: 'up' } }]);
    rooms.set('acme.v1.RoomService', 'NOT_SERVING');
    expect(await health()).toMatchObject([503, { rooms: { message: expect.any(String) } }]);
  });
});
