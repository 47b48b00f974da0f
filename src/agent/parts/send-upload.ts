import { createHash } from 'node:crypto';
import { ApiError } from '#core/api.ts';
import { ArtifactRef } from '#core/artifact.ts';
import { messageOf, OlympusError } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { Logger } from '#lib/log.ts';
import type { OutboxEntry } from '#lib/relay.ts';
import type { Journal } from '../journal/journal.ts';
import { UploadEffect } from '../journal/outbox-store.ts';
import { cutShort, naming, runIdOf } from './long-answer.ts';

/** Control's API, as the agent itself. */
export interface ControlApi {
  readonly url: string;
  readonly token: string;
}

type Uploaded =
  | { readonly kind: 'kept'; readonly ref: ArtifactRef }
  | { readonly kind: 'refused'; readonly sentence: string };

const TIMEOUT_MS = 20_000;
/** Minutes of them, half an hour where the way swallows everything: then the person gets what fits. */
const MOST_ATTEMPTS = 100;
/** What may pass when it is tried again: everything of the server but "no room", and being asked too early or too often. */
const PASSING = new Set([408, 425, 429]);
const NO_ROOM = 507;

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
): Promise<Uploaded> {
  if (!api) return { kind: 'refused', sentence: 'OLYMPUS_CONTROL_URL is not set' };
  try {
    return await upload(api, text, signal);
  } catch (error) {
    if (attempts < MOST_ATTEMPTS || signal.aborted) throw error;
    return { kind: 'refused', sentence: messageOf(error) };
  }
}

async function upload({ url, token }: ControlApi, text: string, signal: AbortSignal): Promise<Uploaded> {
  const bytes = Buffer.from(text);
  const digest = createHash('sha256').update(bytes).digest('base64');
  let response: Response;
  let said: unknown;
  try {
    [response, said] = await withDeadline('upload of an answer', TIMEOUT_MS, signal, async (within) => {
      const answer = await fetch(`${url}/v1/artifacts`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'text/markdown; charset=utf-8',
          'content-digest': `sha-256=:${digest}:`,
        },
        body: bytes,
        signal: within,
      });
      return [answer, await answer.json().catch(() => undefined)];
    });
  } catch (error) {
    const sentence = `the control plane at ${url} did not take an answer: ${messageOf(error)}`;
    throw new OlympusError('api_unavailable', sentence, { cause: error });
  }
  const kept = ArtifactRef.safeParse(said);
  if (response.ok && kept.success) return { kind: 'kept', ref: kept.data };
  const sentence = ApiError.safeParse(said).data?.message ?? `${url} answered ${response.status}`;
  const forGood = response.status < 500 || response.status === NO_ROOM;
  if (forGood && !PASSING.has(response.status)) return { kind: 'refused', sentence };
  throw new OlympusError('api_unavailable', `the control plane did not take an answer: ${sentence}`);
}
