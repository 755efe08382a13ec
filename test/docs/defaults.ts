import { resolveClientOptions } from '../../lib/engine/client-options.js';
import { resolveServerOptions } from '../../lib/engine/server-options.js';
import { resolveConnectionOptions } from '../../lib/protocol/connection-options.js';

/** What the code fills in, by option. */
export const RESOLVED: Readonly<Record<string, unknown>> = {
  ...resolveConnectionOptions(),
  ...resolveServerOptions({}),
  ...resolveClientOptions({ address: 'unix:hero.sock' }),
};

/** A value as the tables have it: with its unit, by the option's name. */
export function spelt(option: string, value: number | boolean): string {
  if (value === Infinity) return 'none';
  if (option.endsWith('Bytes')) return bytes(Number(value));
  return option.endsWith('Ms') ? `${value} ms` : String(value);
}

function bytes(value: number): string {
  const kibibytes = value / 1024;
  return kibibytes < 1024 ? `${kibibytes} KiB` : `${kibibytes / 1024} MiB`;
}
