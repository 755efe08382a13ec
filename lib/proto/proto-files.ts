import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';
import type { ResolvedLoaderOptions } from './loader-options.js';

const require = createRequire(import.meta.url);

/** Well-known files that protobufjs brings along beside those in its `common` table. */
const BUNDLED_FILES = [
  'google/protobuf/api.proto',
  'google/protobuf/descriptor.proto',
  'google/protobuf/source_context.proto',
  'google/protobuf/type.proto',
];

/** The same, taken only when there is no such file: proto-loader does not know these by itself. */
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
  const definitions = bundled === undefined ? null : commonDefinitions(bundled);
  if (definitions !== null) {
    addBundle(loading.root, definitions);
    return;
  }
  // Bundled files are not the application's: their fields have the names of protobufjs's own table.
  const parsing = bundled === undefined ? loading.options.parse : { keepCase: false };
  const path = bundled === undefined ? file : bundledPath(bundled);
  const source = readSource(path, reference, loading.options.includeDirs);
  if (source !== undefined) addSource(loading, { file, source, parsing });
}

/** The name by which protobufjs has this file itself. */
function bundledName(target: string): string | undefined {
  const start = target.lastIndexOf('google/protobuf/');
  const wellKnown = start < 0 ? target : target.slice(start);
  return [wellKnown, target].find(
    (name) => BUNDLED_FILES.includes(name) || Object.hasOwn(protobuf.common, name),
  );
}

/** proto-loader's own entries of the table repeat each other's types: the files are taken for those. */
function commonDefinitions(name: string): protobuf.INamespace | null {
  return BUNDLED_FILES.includes(name) ? null : protobuf.common.get(name);
}

function bundledPath(name: string): string {
  return join(dirname(require.resolve('protobufjs/package.json')), name);
}

function locate({ target, importer }: FileReference, includeDirs: readonly string[]): string {
  if (isAbsolute(target)) return target;
  for (const folder of includeDirs) {
    const candidate = join(folder, target);
    if (readable(candidate)) return candidate;
  }
  const file = protobuf.util.path.resolve(importer ?? '', target);
  return FALLBACK_FILES.includes(target) && !readable(file) ? bundledPath(target) : file;
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The text of a file, or `undefined` for a weak import that is missing. */
function readSource(
  path: string,
  reference: FileReference,
  includeDirs: readonly string[],
): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (reference.weak === true) return undefined;
    throw new DefinitionError(unreadable(path, reference, includeDirs, cause as Error), { cause });
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

/** A file's text, the name it goes by, and how it is parsed. */
interface Source {
  readonly file: string;
  readonly source: string;
  readonly parsing: protobuf.IParseOptions;
}

function addSource(loading: Loading, source: Source): void {
  const { imports, weakImports } = parse(loading.root, source);
  const importer = source.file;
  for (const target of imports ?? []) loadFile(loading, { target, importer });
  for (const target of weakImports ?? []) loadFile(loading, { target, importer, weak: true });
}

/** protobufjs notes this name in what it parses. */
const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null };

function parse(
  root: protobuf.Root,
  { file, source, parsing }: Source,
): Partial<Pick<protobuf.IParserResult, 'imports' | 'weakImports'>> {
  parser.filename = file;
  try {
    if (!source.startsWith('{')) return parser(source, root, parsing);
    addBundle(root, JSON.parse(source) as protobuf.INamespace);
    return {};
  } catch (cause) {
    throw new DefinitionError(unparsable(file, (cause as Error).message), { cause });
  } finally {
    parser.filename = null;
  }
}

function addBundle(root: protobuf.Root, bundle: protobuf.INamespace): void {
  if (bundle.options !== undefined) root.setOptions(bundle.options);
  if (bundle.nested !== undefined) root.addJSON(bundle.nested);
}

/** protobufjs ends its messages with `(file, line 3)` or `(line 3)`, if it knows the line. */
function unparsable(file: string, message: string): string {
  const [, what, line] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(message) ?? [];
  if (what === undefined) return `cannot parse ${file}: ${message}`;
  return `cannot parse ${file}, line ${line}: ${what}`;
}
