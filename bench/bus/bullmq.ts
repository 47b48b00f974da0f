import { Queue, QueueEvents, Worker } from 'bullmq';
import type { BusPeer } from './peer.ts';
import { startRedis } from './redis.ts';

/** The peer: a queue that many use. A job is added, taken, done, and told to be done; none is synced by itself. */
export async function startBullmq(): Promise<BusPeer> {
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: 1000 } });
  const events = new QueueEvents('bench', { connection });
  const worker = new Worker('bench', async () => 'done', { connection, concurrency: 64 });
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);
  const waiting = new Map<string, () => void>();
  events.on('completed', ({ jobId }) => {
    waiting.get(jobId)?.();
    waiting.delete(jobId);
  });
  return {
    async task(index) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const jobId = `job-${index}-${performance.now()}`;
      waiting.set(jobId, resolve);
      await queue.add('task', { text: 'x'.repeat(200) }, { jobId });
      await promise;
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await events.close();
      await queue.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}
