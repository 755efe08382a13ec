import type { Metadata } from '@grpc/grpc-js';
import type { Observable } from 'rxjs';

/** The message of proto/kinds.proto. */
export interface Text {
  readonly text?: string;
  readonly number?: number;
}

interface Options {
  readonly deadline: number;
}

type One = (request: Text, metadata?: Metadata, options?: Options) => Observable<Text>;
type Many = (
  requests: Observable<Text>,
  metadata?: Metadata,
  options?: Options,
) => Observable<Text>;

/** `Kinds` as its callers see it. */
export interface Kinds {
  readonly one: One;
  readonly many: One;
  readonly collect: Many;
  readonly chat: Many;
  readonly collectRaw: Many;
  readonly chatRaw: Many;
  readonly GetURLInfo: One;
  readonly getUrlInfo: One;
  readonly ping: One;
}

export const KINDS_SERVICE = 'kinds.Kinds';
