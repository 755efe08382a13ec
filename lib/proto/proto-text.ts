import protobuf from 'protobufjs';
import type { LoaderOptions } from './loader-options.js';
import { loadServices, type ServiceCatalog } from './service-definition.js';

/** Services and messages of a .proto that this package carries as text; field names as they are there. */
export function loadProtoText(text: string, loader: LoaderOptions = {}): ServiceCatalog {
  const { root } = protobuf.parse(text, { keepCase: true });
  return loadServices({ root, loader });
}
