import { messageOf } from '#core/errors.ts';
import type { Logger } from '#lib/log.ts';
import type { OutboxEntry } from '#lib/relay.ts';
import type { Journal } from '../journal/journal.ts';
import { UploadEffect } from '../journal/outbox-store.ts';
import type { ControlApi } from './control-api.ts';
import { type Kept, keepArtifact } from './keep-artifact.ts';
import { cutShort, naming, runIdOf } from './long-answer.ts';

/** Minutes of them, half an hour where the way swallows everything: then the person gets what fits. */
const MOST_ATTEMPTS = 100;

/**
 * Performs entries of the upload lane: the answer becomes an artifact, then the result that names it goes into the bus
 * lane. What makes a second attempt harmless: an artifact is its own digest, and the result's key is in the lane once.
 * What will never pass, or has not for so long, is handed in cut short, and says why.
 */
export function uploadSender(options: {
  readonly api: ControlApi | undefined;
  readonly journal: Journal;
  /** Called after the result was added. */
  readonly onAdded: () => void;
  readonly log: Logger;
}): (entry: OutboxEntry, signal: AbortSignal) => Promise<void> {
  const { api, journal, onAdded, log } = options;
  return async (entry, signal) => {
    const { text, key, result } = UploadEffect.parse(entry.payload);
    const outcome = await uploadOf(api, text, entry.attempts, signal);
    if (outcome.kind === 'refused')
      log.error({ key, reason: outcome.sentence }, 'answer handed in cut short');
    const handedIn =
      outcome.kind === 'kept' ? naming(result, text, outcome.ref) : cutShort(result, text, outcome.sentence);
    await journal.transaction(() => {
      // Left to another daemon meanwhile: what was to be said of it was taken back.
      if (journal.runs.get(runIdOf(result))?.state !== 'abandoned') journal.outbox.addBus(key, handedIn);
    });
    onAdded();
  };
}

async function uploadOf(
  api: ControlApi | undefined,
  text: string,
  attempts: number,
  signal: AbortSignal,
): Promise<Kept> {
  if (!api) return { kind: 'refused', sentence: 'OLYMPUS_CONTROL_URL is not set' };
  try {
    const answer = { what: 'an answer', bytes: Buffer.from(text), mediaType: 'text/markdown; charset=utf-8' };
    return await keepArtifact(api, answer, signal);
  } catch (error) {
    if (attempts < MOST_ATTEMPTS || signal.aborted) throw error;
    return { kind: 'refused', sentence: messageOf(error) };
  }
}
