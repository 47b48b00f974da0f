import type { DeliveryAttempt } from '#integrations/github/objects.ts';
import type { GithubReader } from '#integrations/github/reader.ts';

/** GitHub forgets deliveries after three days. */
const LOOK_BACK_MS = 3 * 24 * 3600 * 1000;
/** What did not arrive so often will not. */
const MOST_ATTEMPTS = 5;

/** Has GitHub deliver again what did not reach us, and says how many that were. What then comes twice is known by its id. */
export async function askAgain(reader: GithubReader, now: number, signal: AbortSignal): Promise<number> {
  const lost = lostOf(await reader.attempts(now - LOOK_BACK_MS, signal));
  for (const id of lost) await reader.redeliver(id, signal);
  return lost.length;
}

/** The last attempt of each delivery that none of its attempts has brought; `attempts` come the newest first. */
function lostOf(attempts: readonly DeliveryAttempt[]): string[] {
  const deliveries = Map.groupBy(attempts, ({ guid }) => guid);
  return [...deliveries.values()].flatMap((all) => {
    const isThere = all.some(({ status_code: status }) => status >= 200 && status < 300);
    const [last] = all;
    return last && !isThere && all.length < MOST_ATTEMPTS ? [last.id] : [];
  });
}
