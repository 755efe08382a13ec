import type { CustomClientOptions } from '@nestjs/microservices';
import { ClientTtrpc } from './client-ttrpc.js';
import type { ClientTtrpcOptions } from './ttrpc-options.interface.js';

/**
 * What Nest makes a {@link ClientTtrpc} of, with its options checked by the compiler: for `@Client`,
 * `ClientsModule` and `ClientProxyFactory`. The type of `@Client` knows no classes of others, so that
 * it takes the same object only from a function.
 *
 * @example
 * ```ts
 * class Heroes {
 *   @Client(ttrpcClient({ url, package: 'hero', protoPath })) readonly client!: ClientTtrpc;
 * }
 * ClientsModule.register([{ name: 'HERO', ...ttrpcClient({ url, package: 'hero', protoPath }) }]);
 * ```
 */
export function ttrpcClient(options: ClientTtrpcOptions): CustomClientOptions {
  return { customClass: ClientTtrpc, options };
}
