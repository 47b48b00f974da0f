import type { TrustLabel } from '#core/envelope.ts';
import { lowered } from '#core/trust.ts';
import { neededBy } from '../dependencies/settle.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';

/**
 * How far the least trusted words are trusted that a task came with, and those that were brought to it of other agents:
 * theirs are a bot's at most, and no more than what they were told themselves. Words of which that is not known are from
 * outside.
 */
export async function leastTrustOf(tx: Repositories, task: TaskRecord): Promise<TrustLabel> {
  const { id, trust, leastTrust, context, brought } = task;
  const own = lowered(trust, leastTrust ?? (context ? 'external' : undefined));
  if (!brought) return own;
  const wait = await tx.dependencies.of(id);
  if (!wait) return 'external';
  let least = lowered(own, 'bot');
  for (const each of await neededBy(tx, wait)) least = lowered(least, await leastTrustOf(tx, each));
  return least;
}
