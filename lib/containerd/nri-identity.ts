/** Where runtimes listen for plugins that they have not launched. */
export const NRI_SOCKET = 'unix:///var/run/nri/nri.sock';

/** Who a plugin is, and where its runtime is. */
export interface NriIdentity {
  /** For `RegisterPluginRequest`. */
  readonly pluginName: string;
  /** Two digits: plugins are called in their order. For `RegisterPluginRequest`. */
  readonly pluginIdx: string;
  /** `fd:3` of a plugin that the runtime has launched, {@link NRI_SOCKET} of any other. */
  readonly address: string;
}

/** What a plugin says of itself; a runtime that has launched it knows better. */
export interface NriIdentityOptions {
  /** Of letters, digits and `_.+-`. */
  readonly name?: string | undefined;
  /** Two digits. */
  readonly index?: string | undefined;
  /** @defaultValue that of the process */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Who this plugin is: by its environment, if the runtime has launched it (an executable `NN-name`
 * in its folder of plugins), or else by what it says itself.
 *
 * Source: containerd/nri `pkg/api/plugin.go`, `pkg/adaptation/plugin.go`.
 *
 * @throws TypeError naming what is missing or wrong, what it is and what is allowed
 */
export function nriIdentity({
  name,
  index,
  env = process.env,
}: NriIdentityOptions = {}): NriIdentity {
  const socket = env['NRI_PLUGIN_SOCKET'] ?? '';
  if (socket !== '' && !/^\d{1,9}$/u.test(socket)) {
    throw new TypeError(`NRI_PLUGIN_SOCKET must be the number of a descriptor, got ${socket}`);
  }
  return {
    pluginName: checked(
      'name',
      /^[\w.+-]+$/u,
      env['NRI_PLUGIN_NAME'] ?? name,
      'letters, digits and _.+-',
    ),
    pluginIdx: checked('index', /^\d\d$/u, env['NRI_PLUGIN_IDX'] ?? index, 'two digits'),
    address: socket === '' ? NRI_SOCKET : `fd:${socket}`,
  };
}

function checked(what: string, pattern: RegExp, value: unknown, allowed: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new TypeError(`the ${what} of an NRI plugin must be of ${allowed}, got ${String(value)}`);
}
