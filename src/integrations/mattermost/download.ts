import { messageOf, OlympusError } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import { asJson, fileRefusal } from './refusal.ts';

const TIMEOUT_MS = 60_000;

/**
 * Fetches bytes, which the library cannot: it makes text of them. Undefined where there are more than `limit`, of which no
 * more than that is read.
 */
export async function download(
  url: string,
  authorization: string,
  limit: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const what = `GET ${new URL(url).pathname}`;
  return withDeadline(what, TIMEOUT_MS, signal, async (within) => {
    const response = await fetch(url, { headers: { authorization }, signal: within });
    if (!response.ok) throw fileRefusal(what, response.status, asJson(await response.text()));
    return atMost(limit, response);
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof OlympusError) throw error;
    const message = `${what}: Mattermost did not give all of it: ${messageOf(error)}`;
    throw new OlympusError('chat_unavailable', message, { cause: error });
  });
}

async function atMost(limit: number, { body }: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop ends the download.
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
