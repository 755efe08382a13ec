import type protobuf from 'protobufjs';

/** How decoded messages look; names and meaning are those of `@grpc/proto-loader`. */
export interface ConversionOptions {
  /**
   * What 64-bit integers become.
   * @defaultValue protobufjs's `Long` objects, which lose nothing
   */
  readonly longs?: StringConstructor | NumberConstructor | BigIntConstructor | undefined;

  /**
   * What enum values become: `String` for names.
   * @defaultValue numbers
   */
  readonly enums?: StringConstructor | NumberConstructor | undefined;

  /**
   * What `bytes` become: `String` for base64, `Array` for a list of numbers.
   * @defaultValue `Buffer`, a copy that the message owns
   */
  readonly bytes?: StringConstructor | ArrayConstructor | typeof Buffer | undefined;

  /**
   * Sets fields that were not sent to their default value.
   * @defaultValue false
   */
  readonly defaults?: boolean | undefined;

  /**
   * Sets repeated fields that were not sent to `[]`, even without `defaults`.
   * @defaultValue false
   */
  readonly arrays?: boolean | undefined;

  /**
   * Sets map fields that were not sent to `{}`, even without `defaults`.
   * @defaultValue false
   */
  readonly objects?: boolean | undefined;

  /**
   * Adds a property by the name of each oneof that tells which of its fields is set.
   * @defaultValue false
   */
  readonly oneofs?: boolean | undefined;

  /**
   * Writes `NaN` and infinities as strings and opens `google.protobuf.Any` of known types.
   * @defaultValue false
   */
  readonly json?: boolean | undefined;
}

/** How .proto files are read and decoded messages look; the options of `@grpc/proto-loader`. */
export interface LoaderOptions extends ConversionOptions {
  /**
   * Keeps field names as written in the .proto.
   * @defaultValue false: `first_name` becomes `firstName`
   */
  readonly keepCase?: boolean | undefined;

  /**
   * Also takes `//` comments as documentation; visible only to who looks at the protobufjs root.
   * @defaultValue false
   */
  readonly alternateCommentMode?: boolean | undefined;

  /**
   * Folders in which relative paths and imports are looked up, in order.
   * @defaultValue none: the working directory for paths, the importing file's folder for imports
   */
  readonly includeDirs?: readonly string[] | undefined;
}

/** What the code reads: complete, checked, frozen. */
export interface ResolvedLoaderOptions {
  readonly parse: Readonly<Required<Pick<protobuf.IParseOptions, 'keepCase'>>> &
    protobuf.IParseOptions;
  readonly includeDirs: readonly string[];
  /** Handed to `Type.toObject`; absent keys mean protobufjs's own representation. */
  readonly conversion: Readonly<protobuf.IConversionOptions>;
}

const FLAGS = ['defaults', 'arrays', 'objects', 'oneofs', 'json'] as const;

/**
 * Fills in defaults and refuses nonsense, once, at the edge.
 *
 * Options that proto-loader does not know either are passed over, as it does.
 *
 * @throws TypeError naming the option, what was given and what is allowed
 */
export function resolveLoaderOptions(given: LoaderOptions = {}): ResolvedLoaderOptions {
  const conversion: protobuf.IConversionOptions = {};
  // A type's own representation is what protobufjs leaves when it is not asked.
  const longs = oneOf('longs', given.longs, [String, Number, BigInt]);
  if (longs !== undefined) conversion.longs = longs;
  if (oneOf('enums', given.enums, [String, Number]) === String) conversion.enums = String;
  const bytes = oneOf('bytes', given.bytes, [String, Array, Buffer]);
  if (bytes !== undefined && bytes !== Buffer) conversion.bytes = bytes;
  for (const flag of FLAGS) if (boolean(flag, given[flag])) conversion[flag] = true;
  return Object.freeze({
    parse: Object.freeze({
      keepCase: boolean('keepCase', given.keepCase),
      alternateCommentMode: boolean('alternateCommentMode', given.alternateCommentMode),
    }),
    includeDirs: Object.freeze(folders(given.includeDirs)),
    conversion: Object.freeze(conversion),
  });
}

type Constructor = { readonly name: string };

function oneOf<T extends Constructor>(
  option: string,
  value: T | null | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (allowed.includes(value)) return value;
  const names = allowed.map((constructor) => constructor.name).join(', ');
  throw new TypeError(
    `loader.${option} must be one of the constructors ${names}, got ${show(value)}`,
  );
}

function boolean(option: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`loader.${option} must be true or false, got ${show(value)}`);
}

function folders(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((folder) => typeof folder === 'string'))
    return [...value];
  throw new TypeError(`loader.includeDirs must be a list of paths, got ${show(value)}`);
}

/** A value as it is named in a message about it: quoted, or by the name of a function. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return value.name === '' ? 'a function' : value.name;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
