import { ARTIFACT_BEGINNING, type ArtifactRef } from '#core/artifact.ts';
import type { RunResult } from '#core/messages/run-result.ts';
import type { Logger } from '#lib/log.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';

/** Longest answer that a task's row and a delivery hold, in UTF-16 units; of a longer one they hold the beginning. */
const WHOLE_LIMIT = 150_000;

/** An answer as a task keeps it and a person is told. */
export interface Answer {
  /** All of it, or the beginning of what `artifact` has. */
  readonly text: string;
  readonly artifact?: ArtifactRef;
}

/**
 * The answer in a result: where it was too long for the message it is looked up among the artifacts that its agent
 * brought. One that is not there is an answer cut short, and says so. Throws when the bus cannot say.
 */
export async function answerIn(
  { summary, summaryArtifact: ref, agent, runId }: RunResult['data'],
  artifacts: Artifacts,
  log: Logger,
): Promise<Answer> {
  if (!ref) return { text: summary };
  const found = await artifacts.find(ref.digest, `agent/${agent}`);
  const bytes = found && (await artifacts.bytesOf(ref.digest));
  if (!bytes) {
    log.error({ runId, agent, digest: ref.digest }, 'the answer of this run is not among its artifacts');
    return {
      text: `${summary}\n\n(Cut here: the rest of the answer is not among the artifacts of ${agent}.)`,
    };
  }
  const whole = new TextDecoder().decode(bytes);
  if (whole.length <= WHOLE_LIMIT) return { text: whole };
  return {
    text: summary.slice(0, ARTIFACT_BEGINNING),
    artifact: { digest: ref.digest, bytes: bytes.length },
  };
}

/** What the conversation is told. */
export function toldOf({ text, artifact }: Answer, taskId: string): string {
  if (!artifact) return text || 'Done.';
  return `${text}\n\n(This is the beginning; the answer has ${artifact.bytes} bytes. The whole of it: \`olympus artifact get ${artifact.digest} --out answer.md\`, task \`${taskId}\`.)`;
}
