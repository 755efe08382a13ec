import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DefinitionError } from '../errors.js';
import type { PackageDefinition } from '../proto/load.js';
import { show } from '../proto/loader-options.js';

/** What `@grpc/proto-loader` exports, as far as it is needed. */
export interface ProtoLoader {
  /** Reads .proto files, and gives the definitions in them by full name. */
  loadSync(path: string | string[], options?: object): object;
}

/** Which files, and how to read them. */
interface ProtoFiles {
  readonly protoPath?: string | readonly string[] | undefined;
  readonly loader?: object | undefined;
}

/**
 * Reads .proto files with a loader of the user's.
 *
 * @param protoLoader - the loader, or the name of its module: looked up as seen from the working
 * directory, then from this package
 * @throws DefinitionError when it can't be had, or fails
 */
export function loadWith(
  protoLoader: ProtoLoader | string,
  { protoPath, loader }: ProtoFiles,
): PackageDefinition {
  const found = typeof protoLoader === 'string' ? requireLoader(protoLoader) : protoLoader;
  const paths = typeof protoPath === 'string' ? protoPath : [...(protoPath ?? [])];
  try {
    return found.loadSync(paths, loader) as PackageDefinition;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DefinitionError(`protoLoader: ${why}`, { cause: error });
  }
}

/** @throws TypeError when it is neither a name nor a loader */
export function checkProtoLoader(given: unknown): void {
  if (given === undefined || (typeof given === 'string' && given !== '') || isLoader(given)) return;
  throw new TypeError(
    `protoLoader must be the name of a module or have a loadSync, got ${show(given)}`,
  );
}

function requireLoader(name: string): ProtoLoader {
  const failures: unknown[] = [];
  for (const from of [join(process.cwd(), 'index.js'), import.meta.url]) {
    try {
      const module = createRequire(from)(name) as { default?: unknown };
      const found = [module, module.default].find(isLoader);
      if (found !== undefined) return found;
      throw new TypeError('it has no loadSync');
    } catch (error) {
      failures.push(error);
    }
  }
  const [error] = failures;
  const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  throw new DefinitionError(`protoLoader ${name} can't be loaded: ${why}`, { cause: error });
}

function isLoader(value: unknown): value is ProtoLoader {
  return typeof (value as { loadSync?: unknown } | null | undefined)?.loadSync === 'function';
}
