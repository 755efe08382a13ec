import { Injectable } from '@nestjs/common';
import { InjectTtrpcPromiseService, type CallOptions } from 'nestjs-ttrpc';
import { packAny, toTimestamp, type ProtoAny, type ProtoTimestamp } from 'nestjs-ttrpc/containerd';
import { EVENTS, EVENT_CATALOG } from './events.js';

/** The one service of the daemon's ttrpc socket. */
interface Events {
  forward(
    request: {
      readonly envelope: {
        readonly timestamp: ProtoTimestamp;
        readonly namespace: string;
        readonly topic: string;
        readonly event: ProtoAny;
      };
    },
    options?: CallOptions,
  ): Promise<object>;
}

/** Publishes events to everybody who listens to the daemon, such as `ctr events`. */
@Injectable()
export class EventPublisher {
  constructor(@InjectTtrpcPromiseService(EVENTS) private readonly events: Events) {}

  /**
   * @param topic - a path: `/tasks/oom`, or one of your own
   * @param typeName - of a message that the daemon's listeners know, too
   * @throws StatusError INVALID_ARGUMENT when the topic does not start with a slash
   */
  async publish(
    namespace: string,
    topic: string,
    typeName: string,
    message: object,
  ): Promise<void> {
    const event = packAny(EVENT_CATALOG, typeName, message);
    const envelope = { timestamp: toTimestamp(), namespace, topic, event };
    await this.events.forward({ envelope }, { timeoutMs: 5000 });
  }
}
