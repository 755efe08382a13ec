import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';

const require = createRequire(import.meta.url);

/** The parts of protobufjs's descriptor extension that are used; it has no ESM entry. */
interface DescriptorExtension {
  readonly FileDescriptorSet: protobuf.Type;
}

/** A field, an extension or a oneof. */
interface Declaration {
  name: string;
  jsonName?: string;
}

/** What is read of a `google.protobuf.DescriptorProto`, and of a file where the names agree. */
interface MessageDescriptor {
  readonly field?: Declaration[];
  readonly extension?: Declaration[];
  readonly oneofDecl?: Declaration[];
  readonly nestedType?: MessageDescriptor[];
}

interface FileDescriptor {
  readonly messageType?: MessageDescriptor[];
  readonly extension?: Declaration[];
}

/** Added to `Root` by the extension. */
type DescribedRoot = typeof protobuf.Root & {
  fromDescriptor(set: protobuf.Message, options: { keepCase: boolean }): protobuf.Root;
};

/**
 * Reads a serialised `google.protobuf.FileDescriptorSet` (`protoc --descriptor_set_out
 * --include_imports`) into a root whose field names are those that its .proto files would give.
 *
 * @param set - the bytes, or the path of a file that has them
 * @throws {@link DefinitionError} when it is missing, is not a descriptor set or lacks an import
 */
export function readDescriptorSet(
  set: Uint8Array | string,
  options: { readonly keepCase: boolean },
): protobuf.Root {
  const bytes = typeof set === 'string' ? readSet(set) : set;
  const { FileDescriptorSet } = require('protobufjs/ext/descriptor') as DescriptorExtension;
  try {
    const decoded = FileDescriptorSet.decode(bytes);
    const nameOf = options.keepCase ? (name: string) => name : protobuf.util.camelCase;
    renameFields((decoded as { file?: FileDescriptor[] }).file ?? [], nameOf);
    // Left to themselves, versions 8 take the JSON name and version 7 keeps that of the .proto.
    return (protobuf.Root as DescribedRoot).fromDescriptor(decoded, { keepCase: true });
  } catch (cause) {
    const what = typeof set === 'string' ? set : 'descriptorSet';
    throw new DefinitionError(
      `cannot use ${what} as a FileDescriptorSet: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function readSet(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DefinitionError(`cannot read descriptorSet ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

type Naming = (name: string) => string;

function renameFields(files: readonly FileDescriptor[], nameOf: Naming): void {
  for (const file of files) {
    rename(file.extension, nameOf);
    file.messageType?.forEach((message) => renameMessage(message, nameOf));
  }
}

function renameMessage(message: MessageDescriptor, nameOf: Naming): void {
  rename(message.field, nameOf);
  rename(message.extension, nameOf);
  rename(message.oneofDecl, nameOf);
  message.nestedType?.forEach((nested) => renameMessage(nested, nameOf));
}

function rename(declarations: readonly Declaration[] = [], nameOf: Naming): void {
  for (const declaration of declarations) {
    declaration.name = nameOf(declaration.name);
    // Oneofs have none.
    if (declaration.jsonName !== undefined) declaration.jsonName = declaration.name;
  }
}
