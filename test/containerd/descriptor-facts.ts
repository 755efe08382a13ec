import protobuf from 'protobufjs';

/**
 * What a root says of each message, enum and service, by full name: one line for a field, value or
 * rpc, in the order of their numbers or names. Texts and order of the files make no difference.
 */
export function factsOf(root: protobuf.Root): ReadonlyMap<string, readonly string[]> {
  root.resolveAll();
  const facts = new Map<string, readonly string[]>();
  const visit = (object: protobuf.ReflectionObject): void => {
    const lines = linesOf(object);
    if (lines !== undefined) facts.set(nameOf(object), lines);
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(visit);
  };
  visit(root);
  return facts;
}

function linesOf(object: protobuf.ReflectionObject): string[] | undefined {
  if (object instanceof protobuf.Enum) {
    const values = Object.entries(object.values).toSorted(([, a], [, b]) => a - b);
    return ['enum', ...values.map(([name, number]) => `${name} = ${number}`)];
  }
  if (object instanceof protobuf.Service) {
    return ['service', ...object.methodsArray.map(rpcLine).toSorted()];
  }
  if (object instanceof protobuf.Type) {
    const fields = object.fieldsArray.toSorted((a, b) => a.id - b.id);
    return ['message', ...fields.map(fieldLine)];
  }
  return undefined;
}

function fieldLine(field: protobuf.Field): string {
  const type = field.resolvedType === null ? field.type : nameOf(field.resolvedType);
  const described = field instanceof protobuf.MapField ? `map<${field.keyType}, ${type}>` : type;
  return `${labelOf(field)}${described} ${field.name} = ${field.id}`;
}

function labelOf(field: protobuf.Field): string {
  if (field.repeated) return field.packed ? 'repeated ' : 'repeated, not packed, ';
  if (field.partOf === null) return '';
  return field.partOf.isProto3Optional ? 'optional ' : `oneof ${field.partOf.name} `;
}

function rpcLine(method: protobuf.Method): string {
  const side = (streams: boolean | undefined, type: protobuf.Type | null): string =>
    `${streams === true ? 'stream ' : ''}${type === null ? '?' : nameOf(type)}`;
  const request = side(method.requestStream, method.resolvedRequestType);
  const response = side(method.responseStream, method.resolvedResponseType);
  return `${method.name}(${request}) returns (${response})`;
}

function nameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}
