/** One way of generating code, and the applications that are written against it. */
export interface Variant {
  readonly name: string;
  /** Which generator; ts-proto 2.0's decorators don't redefine methods. */
  readonly plugin: 'ts-proto' | 'ts-proto-2.0' | 'protoc-gen-es';
  /** The generator's options, by the folder that its output goes to. */
  readonly options: Readonly<Record<string, string>>;
  /** Files of `apps/` that are put beside the generated code, by the name that they get. */
  readonly files: Readonly<Record<string, string>>;
}

const NEST = { 'app.ts': 'nest.ts' };

/**
 * The variants of `nestJs=true`. `definitions.ts` says where services come from and `values.ts` how
 * messages look; the application is always the same.
 */
export const NEST_VARIANTS: readonly Variant[] = [
  {
    name: 'ts-proto, .proto files',
    plugin: 'ts-proto',
    options: { gen: 'nestJs=true,importSuffix=.js' },
    files: { ...NEST, 'definitions.ts': 'from-proto-files.ts', 'values.ts': 'values/numbers.ts' },
  },
  {
    name: 'ts-proto 2.0, .proto files',
    plugin: 'ts-proto-2.0',
    options: { gen: 'nestJs=true,importSuffix=.js' },
    files: { ...NEST, 'definitions.ts': 'from-proto-files.ts', 'values.ts': 'values/numbers.ts' },
  },
  {
    name: 'ts-proto, useDate, forceLong=bigint',
    plugin: 'ts-proto',
    options: { gen: 'nestJs=true,importSuffix=.js,useDate=true,forceLong=bigint' },
    files: { ...NEST, 'definitions.ts': 'from-proto-files.ts', 'values.ts': 'values/bigints.ts' },
  },
  {
    name: 'ts-proto 2.0, useDate, forceLong=bigint',
    plugin: 'ts-proto-2.0',
    options: { gen: 'nestJs=true,importSuffix=.js,useDate=true,forceLong=bigint' },
    files: { ...NEST, 'definitions.ts': 'from-proto-files.ts', 'values.ts': 'values/bigints.ts' },
  },
  {
    name: 'ts-proto, stringEnums, forceLong=string',
    plugin: 'ts-proto',
    options: { gen: 'nestJs=true,importSuffix=.js,useDate=true,stringEnums=true,forceLong=string' },
    files: { ...NEST, 'definitions.ts': 'from-proto-files.ts', 'values.ts': 'values/strings.ts' },
  },
  {
    name: 'ts-proto, outputServices=generic-definitions',
    plugin: 'ts-proto',
    options: {
      gen: 'nestJs=true,importSuffix=.js,useDate=true,outputServices=generic-definitions',
    },
    files: { ...NEST, 'definitions.ts': 'from-ts-proto.ts', 'values.ts': 'values/dates.ts' },
  },
  {
    name: 'ts-proto 2.0, outputServices=generic-definitions',
    plugin: 'ts-proto-2.0',
    options: {
      gen: 'nestJs=true,importSuffix=.js,useDate=true,outputServices=generic-definitions',
    },
    files: { ...NEST, 'definitions.ts': 'from-ts-proto.ts', 'values.ts': 'values/dates.ts' },
  },
  {
    name: 'ts-proto, outputServices=grpc-js',
    plugin: 'ts-proto',
    options: { gen: 'nestJs=true,importSuffix=.js,useDate=true,outputServices=grpc-js' },
    files: { ...NEST, 'definitions.ts': 'from-grpc-js.ts', 'values.ts': 'values/dates.ts' },
  },
  {
    name: 'ts-proto, grpc-js as a packageDefinition',
    plugin: 'ts-proto',
    options: { gen: 'nestJs=true,importSuffix=.js,useDate=true,outputServices=grpc-js' },
    files: {
      ...NEST,
      'definitions.ts': 'from-package-definition.ts',
      'values.ts': 'values/dates.ts',
    },
  },
  {
    // With nestJs=true ts-proto's codecs can't write Struct, Value and ListValue.
    name: 'ts-proto, codecs apart',
    plugin: 'ts-proto',
    options: {
      gen: 'nestJs=true,importSuffix=.js,useDate=true',
      codecs: 'importSuffix=.js,outputServices=generic-definitions,useDate=true',
    },
    files: { ...NEST, 'definitions.ts': 'from-ts-proto-apart.ts', 'values.ts': 'values/codecs.ts' },
  },
];

/** Applications of their own. */
export const OTHER_VARIANTS = {
  metadata: {
    name: 'metadata',
    plugin: 'ts-proto',
    options: {
      gen: 'nestJs=true,importSuffix=.js,addGrpcMetadata=true,addNestjsRestParameter=true',
    },
    files: {
      'app.ts': 'metadata.ts',
      'definitions.ts': 'from-proto-files.ts',
      'values.ts': 'values/numbers.ts',
    },
  },
  engine: {
    name: 'engine',
    plugin: 'ts-proto',
    options: { gen: 'importSuffix=.js,outputServices=generic-definitions,outputServices=grpc-js' },
    files: { 'app.ts': 'engine.ts' },
  },
  rpc: {
    name: 'rpc',
    plugin: 'ts-proto',
    options: { gen: 'importSuffix=.js,outputServices=default' },
    files: { 'app.ts': 'rpc.ts' },
  },
  protobufEs: {
    name: 'protobuf-es',
    plugin: 'protoc-gen-es',
    options: { gen: 'target=ts,import_extension=js' },
    files: { 'app.ts': 'protobuf-es.ts' },
  },
} as const satisfies Record<string, Variant>;
