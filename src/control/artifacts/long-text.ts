import { ARTIFACT_BEGINNING, type ArtifactRef } from '#core/artifact.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Artifacts } from './artifacts.ts';

/** A text that is too long for a task's row: what stands there, and where the whole is. */
export type LongText =
  | { readonly kind: 'there'; readonly beginning: string; readonly ref: ArtifactRef }
  | { readonly kind: 'refused'; readonly sentence: string };

/** Looks up a text that this person has brought before. Throws `bus_unavailable` when the bus cannot say. */
export async function longTextOf(digest: string, producer: Actor, artifacts: Artifacts): Promise<LongText> {
  const found = await artifacts.find(digest, producer);
  const bytes = found && (await artifacts.bytesOf(digest));
  if (!bytes) {
    const sentence = `there is no artifact ${digest} of ${producer}: send the text to /v1/artifacts first`;
    return { kind: 'refused', sentence };
  }
  const text = textOf(bytes);
  if (text === undefined) return { kind: 'refused', sentence: `artifact ${digest} is not text in UTF-8` };
  if (text.trim() === '')
    return { kind: 'refused', sentence: `artifact ${digest} is blank: nothing is asked` };
  const ref = { digest, bytes: bytes.length };
  const more = `(This is the beginning; the text has ${ref.bytes} bytes. The whole of it: \`olympus artifact get ${digest}\`.)`;
  return { kind: 'there', beginning: `${text.slice(0, ARTIFACT_BEGINNING).toWellFormed()}\n\n${more}`, ref };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
