/**
 * What an NRI runtime tells its plugins of, named as the rpcs of the `Plugin` service are, in the
 * order of their numbers, which begin at 1.
 *
 * Source: containerd/nri `pkg/api/api.proto`, enum `Event`.
 */
const EVENTS = [
  'RunPodSandbox',
  'StopPodSandbox',
  'RemovePodSandbox',
  'CreateContainer',
  'PostCreateContainer',
  'StartContainer',
  'PostStartContainer',
  'UpdateContainer',
  'PostUpdateContainer',
  'StopContainer',
  'RemoveContainer',
  'UpdatePodSandbox',
  'PostUpdatePodSandbox',
  'ValidateContainerAdjustment',
] as const;

/** The name of an event, and of the rpc that tells of it. */
export type NriEvent = (typeof EVENTS)[number];

/**
 * The `events` of an answer to `Configure`: which events the plugin wants to hear of. An empty mask
 * means all of them to the runtime, so one that has none can't be made.
 *
 * Runtimes that know no rpc of an event (`RunPodSandbox` and others, before NRI 0.12) tell of it by
 * `StateChange`; so do newer ones where the plugin answers UNIMPLEMENTED.
 *
 * @example
 * ```ts
 * const configured = { events: nriEventMask('CreateContainer', 'StopContainer') };
 * ```
 * @throws TypeError when there is no event of that name, or none is named
 */
export function nriEventMask(...events: readonly NriEvent[]): number {
  if (events.length === 0) {
    throw new TypeError('an event mask needs an event: an empty one means all of them');
  }
  let mask = 0;
  for (const event of events) {
    const bit = EVENTS.indexOf(event);
    if (bit < 0) {
      throw new TypeError(`there is no NRI event ${event}: there are ${EVENTS.join(', ')}`);
    }
    mask |= 1 << bit;
  }
  return mask;
}
