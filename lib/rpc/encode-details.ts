import { NOT_ENCODED, type AnyMessage, type Status } from '../spec/status.js';
import type { MethodDefinition } from './method-definition.js';

/**
 * The status with all of its details encoded. One that the method's definitions can't encode is
 * left out: the code and the text must arrive without it.
 *
 * @param report - hears why a detail is left out
 */
export function encodeDetails(
  status: Status,
  method: MethodDefinition,
  report: (error: unknown) => void,
): Status {
  if (!status.details.some(isPlain)) return status;
  const details = status.details.flatMap((detail) => {
    try {
      return isPlain(detail) ? encode(detail, method) : detail;
    } catch (error) {
      report(error);
      return [];
    }
  });
  return { ...status, details };
}

function isPlain({ value }: AnyMessage): boolean {
  return value === NOT_ENCODED;
}

function encode(detail: AnyMessage, { service, encodeDetail }: MethodDefinition): AnyMessage {
  if (encodeDetail !== undefined) return encodeDetail(detail);
  const known = 'give it encoded, as { typeUrl, value }';
  throw new TypeError(
    `can't encode detail ${detail.typeUrl}: ${service} has no message types, ${known}`,
  );
}
