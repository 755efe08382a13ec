import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';
import type { ResolvedLoaderOptions } from './loader-options.js';

const require = createRequire(import.meta.url);

/** Definitions that come with protobufjs as files; the others are in its `common` table. */
const BUNDLED_FILES = [
  'google/protobuf/api.proto',
  'google/protobuf/descriptor.proto',
  'google/protobuf/source_context.proto',
  'google/protobuf/type.proto',
];

/** The same, taken only when there is no such file: proto-loader does not bundle these. */
const FALLBACK_FILES = ['google/api/annotations.proto', 'google/api/http.proto'];

/** A reference to a file: from the options, or an import in another file. */
interface FileReference {
  readonly target: string;
  /** File with the import. */
  readonly importer?: string;
  /** `import weak`: may be missing. */
  readonly weak?: boolean;
}

/** What is read so far and how. */
interface Loading {
  readonly root: protobuf.Root;
  readonly options: ResolvedLoaderOptions;
  readonly seen: Set<string>;
}

/**
 * Reads .proto files and everything they import into one root; its references are not looked up yet.
 *
 * Paths are found as `@grpc/proto-loader` finds them: the well-known `google/protobuf` files are
 * those of protobufjs; a relative path is taken from the first of `includeDirs` that has it, else
 * from the importing file's folder, or the working directory. A `.json` file is a protobufjs bundle.
 *
 * @throws {@link DefinitionError} naming the file, the line or the folders searched, and the importer
 */
export function readProtoFiles(
  paths: readonly string[],
  options: ResolvedLoaderOptions,
): protobuf.Root {
  const loading: Loading = { root: new protobuf.Root(), options, seen: new Set() };
  for (const target of paths) loadFile(loading, { target });
  return loading.root;
}

function loadFile(loading: Loading, reference: FileReference): void {
  const bundled = bundledName(reference.target);
  const file = bundled ?? locate(reference, loading.options.includeDirs);
  if (loading.seen.has(file)) return;
  loading.seen.add(file);
  loading.root.files.push(file);
  if (bundled !== undefined) {
    addBundle(loading.root, bundledDefinition(bundled));
    return;
  }
  const source = readSource(file, reference, loading.options.includeDirs);
  if (typeof source === 'string') parseSource(loading, file, source);
  else if (source !== undefined) addBundle(loading.root, source);
}

/** The name by which protobufjs has this file itself. */
function bundledName(target: string): string | undefined {
  const start = target.lastIndexOf('google/protobuf/');
  const wellKnown = start < 0 ? target : target.slice(start);
  for (const name of [wellKnown, target]) {
    if (BUNDLED_FILES.includes(name) || Object.hasOwn(protobuf.common, name)) return name;
  }
  return undefined;
}

function bundledDefinition(name: string): protobuf.INamespace {
  return protobuf.common.get(name) ?? bundledFile(name);
}

function bundledFile(name: string): protobuf.INamespace {
  return require(`protobufjs/${name.replace(/proto$/, 'json')}`) as protobuf.INamespace;
}

function addBundle(root: protobuf.Root, bundle: protobuf.INamespace): void {
  if (bundle.options !== undefined) root.setOptions(bundle.options);
  if (bundle.nested !== undefined) root.addJSON(bundle.nested);
}

function locate({ target, importer }: FileReference, includeDirs: readonly string[]): string {
  if (isAbsolute(target)) return target;
  for (const folder of includeDirs) {
    const candidate = join(folder, target);
    if (readable(candidate)) return candidate;
  }
  return protobuf.util.path.resolve(importer ?? '', target);
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The text of a .proto, the definitions of a bundle, or `undefined` for a weak import that is missing. */
function readSource(
  file: string,
  reference: FileReference,
  includeDirs: readonly string[],
): string | protobuf.INamespace | undefined {
  try {
    const source = readFileSync(file, 'utf8');
    return source.startsWith('{') ? (JSON.parse(source) as protobuf.INamespace) : source;
  } catch (cause) {
    if (FALLBACK_FILES.includes(reference.target)) return bundledFile(reference.target);
    if (reference.weak === true) return undefined;
    throw new DefinitionError(unreadable(file, reference, includeDirs, cause as Error), { cause });
  }
}

function unreadable(
  file: string,
  { target, importer }: FileReference,
  includeDirs: readonly string[],
  cause: NodeJS.ErrnoException,
): string {
  const from = importer === undefined ? '' : `, imported by ${importer}`;
  if (cause.code !== 'ENOENT') return `cannot read ${file}${from}: ${cause.message}`;
  if (isAbsolute(target)) return `cannot find ${target}${from}`;
  const last = importer === undefined ? process.cwd() : dirname(resolve(importer));
  return `cannot find ${target}${from}; searched: ${[...includeDirs, last].join(', ')}`;
}

function parseSource(loading: Loading, file: string, source: string): void {
  const { imports, weakImports } = parse(loading, file, source);
  for (const target of imports ?? []) loadFile(loading, { target, importer: file });
  for (const target of weakImports ?? []) {
    loadFile(loading, { target, importer: file, weak: true });
  }
}

/** protobufjs notes this name in what it parses. */
const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null };

function parse({ root, options }: Loading, file: string, source: string): protobuf.IParserResult {
  parser.filename = file;
  try {
    return parser(source, root, options.parse);
  } catch (cause) {
    const [, what, line] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec((cause as Error).message) ?? [];
    const where = line === undefined ? file : `${file}, line ${line}`;
    throw new DefinitionError(`cannot parse ${where}: ${what ?? (cause as Error).message}`, {
      cause,
    });
  } finally {
    parser.filename = null;
  }
}
