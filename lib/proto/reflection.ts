import protobuf from 'protobufjs';
import { DefinitionError } from '../errors.js';
import { suggestNames } from './nearest-names.js';

/** What a root defines, in the order of its files. */
export interface Definitions {
  readonly services: readonly protobuf.Service[];
  /** Nested types too. */
  readonly types: readonly protobuf.Type[];
}

/** Finds the services and message types of `root`, at any depth. */
export function definitionsOf(root: protobuf.Root): Definitions {
  const services: protobuf.Service[] = [];
  const types: protobuf.Type[] = [];
  const visit = (namespace: protobuf.NamespaceBase): void => {
    if (namespace instanceof protobuf.Service) services.push(namespace);
    if (namespace instanceof protobuf.Type) types.push(namespace);
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Namespace) visit(nested);
    }
  };
  visit(root);
  return { services, types };
}

/** Full name without protobufjs's leading dot. */
export function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

/**
 * Looks up every type that fields and methods of `root` refer to, so that errors show at start.
 *
 * @throws {@link DefinitionError} naming each reference that leads nowhere, and its file
 */
export function resolveReferences(root: protobuf.Root): void {
  try {
    root.resolveAll();
  } catch (cause) {
    const dangling = danglingReferences(root);
    const details = dangling.length > 0 ? dangling.join('; ') : (cause as Error).message;
    throw new DefinitionError(details, { cause });
  }
}

function danglingReferences(root: protobuf.Root): string[] {
  const { services, types } = definitionsOf(root);
  const known = types.map(fullNameOf);
  const dangling: string[] = [];
  for (const type of types) {
    for (const field of type.fieldsArray) {
      if (Object.hasOwn(protobuf.types.basic, field.type) || field.resolved) continue;
      if (type.lookup(field.type, [protobuf.Type, protobuf.Enum]) !== null) continue;
      const where = `field ${fullNameOf(field)}${inFile(field, type)}`;
      dangling.push(`unknown type ${field.type} of ${where}${suggestNames(field.type, known)}`);
    }
  }
  for (const service of services) {
    for (const method of service.methodsArray) {
      for (const name of [method.requestType, method.responseType]) {
        if (service.lookup(name, protobuf.Type) !== null) continue;
        const where = `method ${fullNameOf(service)}.${method.name}${inFile(method, service)}`;
        dangling.push(`unknown type ${name} of ${where}${suggestNames(name, known)}`);
      }
    }
  }
  return dangling;
}

function inFile(object: protobuf.ReflectionObject, parent: protobuf.ReflectionObject): string {
  const file = object.filename ?? parent.filename ?? undefined;
  return file === undefined ? '' : ` in ${file}`;
}
