import type { MethodDefinition, ServiceDefinition } from '../rpc/method-definition.js';

/** Words of an ASCII identifier: `GetURLInfo2` is Get, URL, Info, 2. */
const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+/g;

/**
 * Every spelling by which users write an rpc, the one of the .proto first: `GetURLInfo`,
 * `getUrlInfo`, `getURLInfo`, `GetUrlInfo`.
 *
 * Source: `@grpc/proto-loader` (`originalName` is lodash's camelCase of the name), ts-proto.
 */
export function methodSpellings(name: string): string[] {
  const rest = name.slice(1);
  const camel = camelCase(name);
  const spellings = [name, camel, lower(name) + rest, upper(name) + rest, capital(camel)];
  return [...new Set(spellings)].filter((spelling) => spelling !== '');
}

/**
 * The methods of a service by every spelling of {@link methodSpellings}.
 *
 * A name as in the .proto wins over another method's spelling; then the first in the .proto wins.
 */
export function methodsBySpelling(
  service: ServiceDefinition,
): ReadonlyMap<string, MethodDefinition> {
  const methods = new Map(service.methods.map((method) => [method.name, method]));
  for (const method of service.methods) {
    for (const spelling of methodSpellings(method.name)) {
      if (!methods.has(spelling)) methods.set(spelling, method);
    }
  }
  return methods;
}

/** What `lodash.camelCase` gives for an identifier of ASCII letters, digits and underscores. */
function camelCase(name: string): string {
  const words = name.match(WORDS) ?? [];
  const joined = words.map((word) => upper(word) + word.slice(1).toLowerCase()).join('');
  return words.length === 0 ? '' : words[0]!.toLowerCase() + joined.slice(words[0]!.length);
}

/** What `@GrpcMethod()` makes of a function's name. */
function capital(name: string): string {
  return upper(name) + name.slice(1);
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase();
}

function upper(name: string): string {
  return name.charAt(0).toUpperCase();
}
