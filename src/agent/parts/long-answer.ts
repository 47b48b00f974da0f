import { ARTIFACT_BEGINNING, type ArtifactRef } from '#core/artifact.ts';
import { RunResult } from '#core/messages/run-result.ts';
import type { BusEffect, OutboxStore } from '../journal/outbox-store.ts';

/** What travels in a message without further ado, in bytes of UTF-8; what is longer goes to control's API. */
const MESSAGE_BYTES = 64 * 1024;
/** The most characters that fit into a message at all, however they are escaped. */
const MESSAGE_CHARACTERS = 149_000;

/**
 * Writes a result down to be handed in, to be called inside a transaction. An answer that is too long for a message is
 * uploaded first, and the result that names it goes out after that.
 */
export function addResult(outbox: OutboxStore, key: string, result: BusEffect, answer: string): void {
  if (Buffer.byteLength(answer) <= MESSAGE_BYTES) outbox.addBus(key, result);
  else outbox.addUpload(uploadKey(key), { text: answer, key, result });
}

/** The key of the upload that comes before the result of this key. */
export function uploadKey(key: string): string {
  return `upload:${key}`;
}

/** What stands in a result before it is known where the whole answer is. */
export function withinMessage(answer: string, why = ''): string {
  if (answer.length <= MESSAGE_CHARACTERS) return answer;
  return `${answer.slice(0, MESSAGE_CHARACTERS)}\n\n(Cut here: the answer had ${answer.length} characters${why}.)`;
}

/** The same result with the beginning of the answer, and where the whole of it is. */
export function naming(result: BusEffect, answer: string, ref: ArtifactRef): BusEffect {
  return changed(result, { summary: answer.slice(0, ARTIFACT_BEGINNING), summaryArtifact: ref });
}

/** The same result with as much of the answer as fits, and why that is all. */
export function cutShort(result: BusEffect, answer: string, why: string): BusEffect {
  return changed(result, { summary: withinMessage(answer, ` and could not be kept as a whole: ${why}`) });
}

/** The run that a result ends. */
export function runIdOf(result: BusEffect): string {
  return RunResult.schema.parse(JSON.parse(result.body)).data.runId;
}

function changed(
  result: BusEffect,
  change: { readonly summary: string; readonly summaryArtifact?: ArtifactRef },
): BusEffect {
  const message = RunResult.schema.parse(JSON.parse(result.body));
  return { ...result, body: JSON.stringify({ ...message, data: { ...message.data, ...change } }) };
}
