import type { AnyMessage } from 'nestjs-ttrpc';
import { loadSync } from 'protobufjs';
import { BANK } from '../bank.js';

const Shortage = loadSync(BANK.protoPath).lookupType('bank.Shortage');

/** A detail that says how much is missing. */
export function shortageOf(missing: number): AnyMessage {
  return {
    typeUrl: 'type.googleapis.com/bank.Shortage',
    value: Shortage.encode({ missing }).finish(),
  };
}
