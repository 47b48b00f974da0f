import type { Harness } from '#core/harness.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { InboxEntry } from '../journal/inbox-store.ts';
import type { Journal } from '../journal/journal.ts';
import type { Lease } from './lease.ts';

export interface NoticesOptions {
  readonly journal: Journal;
  readonly bus: BusConnection;
  readonly harness: Harness;
  readonly lease: Pick<Lease, 'waiting'>;
  readonly afterMs: number;
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Who is away while somebody waits. */
type Absence = 'bus' | 'gateway' | 'control';

const SENTENCES: Readonly<Record<Absence, string>> = {
  bus: 'I have your message, but I cannot reach the message bus (nats-server) just now. It is kept; I will go on as soon as the bus is back.',
  gateway:
    'I have your message, but my OpenClaw gateway is not answering just now. It is kept; I will answer as soon as the gateway is back.',
  control:
    'I have your message, but the control plane has not answered yet. It is kept; I will go on as soon as control is back.',
};

const POLL_MS = 500;

/** Tells a waiting person, once per message, what is away and that nothing is lost. */
export class Notices implements Part {
  readonly name = 'notices';
  readonly #options: NoticesOptions;
  readonly #loop: Loop;

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: () => this.#round(),
      onError: (error) => options.log.error({ err: error }, 'notices could not be written'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  async #round(): Promise<number> {
    const { journal, afterMs, onAdded, log, lease } = this.#options;
    if (lease.waiting) return POLL_MS; // What is said is said by the one that holds it.
    for (const entry of journal.inbox.overdue(afterMs)) {
      const absence = this.#absence(entry);
      if (!absence) continue;
      const { channelId, rootId } = entry.conversation;
      const key = `notice:${entry.postId}:${entry.target}`;
      await journal.transaction(() => {
        journal.inbox.notice(entry.postId, entry.target);
        journal.outbox.addChat(key, {
          kind: 'post',
          channelId,
          rootId,
          message: SENTENCES[absence],
          marker: key,
          depth: 0,
        });
      });
      log.warn({ postId: entry.postId, absence }, 'told a waiting person');
      onAdded();
    }
    return POLL_MS;
  }

  #absence(entry: InboxEntry): Absence | undefined {
    const { bus, harness } = this.#options;
    if (!bus.connected) return 'bus';
    if (!harness.health().ready) return 'gateway';
    return entry.accepted ? undefined : 'control';
  }
}
