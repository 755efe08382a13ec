import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadServices } from '../../../lib/engine/index.js';
import { ServiceRegistry } from '../../../lib/rpc/service-registry.js';
import { decodeRequest, encodeRoute, RequestView } from '../../../lib/wire/request-codec.js';
import { garbageCollector } from '../settle.js';
import { spread } from '../statistics.js';
import type { Curve, Point } from './curves.js';

const STEPS = [10, 100, 1000, 10_000];
const METHODS_PER_SERVICE = 10;
const TIMES = 9;
const FINDS = 200_000;

/** Loading a catalog of so many methods, serving it, and finding the handler of a request among them. */
export function methodCurves(quick: boolean): Curve[] {
  const steps = quick ? STEPS.slice(0, -1) : STEPS;
  const folder = mkdtempSync(join(tmpdir(), 'ttrpc-bench-'));
  try {
    const measured = steps.map((size) => {
      const file = join(folder, `${size}.proto`);
      writeFileSync(file, catalogOf(size));
      return { load: loading(file, size), ...serving(file, size) };
    });
    const sizes = 'methods in the catalog';
    const subject = 'engine';
    return [
      { work: 'curve-load', subject, sizes, points: measured.map(({ load }) => load) },
      { work: 'curve-serve', subject, sizes, points: measured.map(({ serve }) => serve) },
      { work: 'curve-dispatch', subject, sizes, points: measured.map(({ find }) => find) },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function catalogOf(methods: number): string {
  const services = Array.from({ length: methods / METHODS_PER_SERVICE }, (_, service) => {
    const all = Array.from(
      { length: METHODS_PER_SERVICE },
      (__, method) => `  rpc Method${method}(Note) returns (Note);\n`,
    );
    return `service Service${service} {\n${all.join('')}}\n`;
  });
  const note = 'message Note {\n  int32 id = 1;\n}\n';
  return `syntax = "proto3";\npackage catalog;\n${note}${services.join('')}`;
}

function loading(file: string, size: number): Point {
  const cost = middle(() => void loadServices({ protoPath: file }));
  return { size, cost, each: cost / size };
}

/** Services are added one by one; each request is for another method than the last one was. */
function serving(file: string, size: number): { serve: Point; find: Point } {
  const { services } = loadServices({ protoPath: file });
  let registry = new ServiceRegistry();
  const serve = middle(() => {
    registry = new ServiceRegistry();
    for (const { methods } of services) {
      registry.addAll(methods.map((method) => [method, () => undefined]));
    }
  });
  const views = services.flatMap(({ name, methods }) =>
    methods.map((method) => viewOf(encodeRoute(name, method.name))),
  );
  const search = (): void => {
    for (let left = FINDS; left > 0; left--) registry.find(views[left % size] as RequestView);
  };
  const find = middle(search) / FINDS;
  return {
    serve: { size, cost: serve, each: serve / size },
    find: { size, cost: find, each: find },
  };
}

function viewOf(route: Uint8Array): RequestView {
  const view = new RequestView();
  decodeRequest(Buffer.from(route), 0, route.length, view);
  return view;
}

/**
 * The median of its times, in microseconds, without the garbage that was there before. The first is
 * not counted: it compiles.
 */
function middle(action: () => void): number {
  action();
  const collect = garbageCollector();
  return spread(Array.from({ length: TIMES }, () => timed(action, collect))).median;
}

function timed(action: () => void, collect: () => void): number {
  collect();
  const begin = performance.now();
  action();
  return (performance.now() - begin) * 1000;
}
