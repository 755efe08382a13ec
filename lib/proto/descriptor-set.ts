import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';

const require = createRequire(import.meta.url);

/** The parts of protobufjs's descriptor extension that are used; it has no ESM entry. */
interface DescriptorExtension {
  readonly FileDescriptorSet: protobuf.Type;
}

/** What is read of a `google.protobuf.DescriptorProto`, and of a file where the names agree. */
interface MessageDescriptor {
  readonly field?: { name: string }[];
  readonly extension?: { name: string }[];
  readonly oneofDecl?: { name: string }[];
  readonly nestedType?: MessageDescriptor[];
}

interface FileDescriptor {
  readonly messageType?: MessageDescriptor[];
  readonly extension?: { name: string }[];
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
    if (!options.keepCase) renameFields((decoded as { file?: FileDescriptor[] }).file ?? []);
    // Version 8 would rename by its own rules, version 7 never; here it is done already.
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

function renameFields(files: readonly FileDescriptor[]): void {
  for (const file of files) {
    rename(file.extension);
    file.messageType?.forEach(renameMessage);
  }
}

function renameMessage(message: MessageDescriptor): void {
  rename(message.field);
  rename(message.extension);
  rename(message.oneofDecl);
  message.nestedType?.forEach(renameMessage);
}

function rename(declarations: readonly { name: string }[] = []): void {
  for (const declaration of declarations) {
    declaration.name = protobuf.util.camelCase(declaration.name);
  }
}
