import { agentConsumersOf } from '#core/streams.ts';
import type { BusClient } from './bus-matrix/client.ts';
import { waitFor } from './wait.ts';

/** As this agent, takes its message as often as the server gives it, and hands it back each time. */
export async function exhaust(bus: BusClient, agent: string, subject: string): Promise<void> {
  const [fleet = '', kind = ''] = subject.split('.');
  const consumer = agentConsumersOf(fleet, agent).find(({ filter }) =>
    filter.startsWith(`${fleet}.${kind}.`),
  );
  if (!consumer) throw new Error(`${agent} has no consumer for ${subject}`);
  const { stream, maxDeliver } = consumer;
  for (let delivery = 1; delivery <= maxDeliver; delivery += 1) {
    const message = await waitFor(
      `delivery ${delivery}`,
      async () => {
        const next = await bus.pull(stream, agent);
        return next.subject === subject && next;
      },
      { timeoutMs: 20_000 },
    );
    // Answered once it is done: a pull that overtook it would find nothing to give up.
    await bus.request(message.reply ?? '', '-NAK');
  }
  // The server notices when it would deliver it once more.
  await bus.pull(stream, agent);
}
