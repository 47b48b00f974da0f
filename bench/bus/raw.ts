import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect, nanos } from 'nats';
import { newNonce } from '#lib/id.ts';
import { startNatsServer } from '#test/nats-server.ts';
import type { BusPeer } from './peer.ts';

/** As production connections have it; with traces each request makes an error with its stack. */
const CLIENT = { noAsyncTraces: true } as const;

/**
 * The floor: the same server, client and settings, with nothing of ours between. Work is published, taken and answered, the
 * answer is taken, and both are acknowledged.
 */
export async function startRaw(): Promise<BusPeer> {
  const nats = await startNatsServer();
  const [asker, worker] = await Promise.all([
    connect({ servers: nats.url, ...CLIENT }),
    connect({ servers: nats.url, ...CLIENT }),
  ]);
  const manager = await jetstreamManager(asker, { checkAPI: false });
  for (const name of ['WORK', 'DONE']) {
    await manager.streams.add({
      name,
      subjects: [`${name.toLowerCase()}.>`],
      retention: RetentionPolicy.Workqueue,
      duplicate_window: nanos(600_000),
    });
    await manager.consumers.add(name, {
      durable_name: 'bench',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 256,
    });
  }
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  /** Answers and acknowledgements that are not confirmed yet, and those that failed. */
  const underWay = new Set<Promise<unknown>>();
  const collect = (confirmed: Promise<unknown>): void => {
    underWay.add(confirmed);
    confirmed.then(
      () => underWay.delete(confirmed),
      (error) => {
        for (const { reject } of waiting.values()) reject(error);
      },
    );
  };
  const take = async (name: string, at: typeof asker) =>
    (await jetstream(at).consumers.get(name, 'bench')).consume({ max_messages: 64 });
  const [work, done] = await Promise.all([take('WORK', worker), take('DONE', asker)]);
  const answer = jetstream(worker);
  const answering = (async () => {
    for await (const message of work) {
      const id = message.subject.slice('work.'.length);
      collect(answer.publish(`done.${id}`, message.data, { msgID: id }).then(() => message.ackAck()));
    }
  })();
  const settling = (async () => {
    for await (const message of done) {
      const id = message.subject.slice('done.'.length);
      collect(message.ackAck().then(() => waiting.get(id)?.resolve()));
    }
  })();
  const ask = jetstream(asker);
  const body = 'x'.repeat(512);
  return {
    async task() {
      const id = newNonce();
      const settled = Promise.withResolvers<void>();
      waiting.set(id, settled);
      await Promise.all([ask.publish(`work.${id}`, body, { msgID: id }), settled.promise]);
      waiting.delete(id);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([work.close(), done.close(), answering, settling]);
      await Promise.all(underWay);
      await Promise.all([asker.drain(), worker.drain()]);
      await nats[Symbol.asyncDispose]();
    },
  };
}
