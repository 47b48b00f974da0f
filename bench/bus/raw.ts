import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect, nanos } from 'nats';
import { newNonce } from '#lib/id.ts';
import { startNatsServer } from '#test/nats-server.ts';
import type { BusPeer } from './peer.ts';

/**
 * The floor: the same server, client and settings, with nothing of ours between. Work is published, taken and answered, the
 * answer is taken, and both are acknowledged.
 */
export async function startRaw(): Promise<BusPeer> {
  const nats = await startNatsServer();
  const [asker, worker] = await Promise.all([connect({ servers: nats.url }), connect({ servers: nats.url })]);
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
  const waiting = new Map<string, () => void>();
  const take = async (name: string, at: typeof asker) =>
    (await jetstream(at).consumers.get(name, 'bench')).consume({ max_messages: 64 });
  const [work, done] = await Promise.all([take('WORK', worker), take('DONE', asker)]);
  const answer = jetstream(worker);
  const answering = (async () => {
    for await (const message of work) {
      const id = message.subject.slice('work.'.length);
      void answer.publish(`done.${id}`, message.data, { msgID: id }).then(() => message.ackAck());
    }
  })();
  const settling = (async () => {
    for await (const message of done) {
      const id = message.subject.slice('done.'.length);
      void message.ackAck().then(() => waiting.get(id)?.());
    }
  })();
  const ask = jetstream(asker);
  const body = 'x'.repeat(512);
  return {
    async task() {
      const id = newNonce();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(id, resolve);
      await ask.publish(`work.${id}`, body, { msgID: id });
      await promise;
      waiting.delete(id);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([work.close(), done.close(), answering, settling]);
      await Promise.all([asker.drain(), worker.drain()]);
      await nats[Symbol.asyncDispose]();
    },
  };
}
