import { z } from 'zod';

/** The most bytes of one artifact. */
export const ARTIFACT_LIMIT = 8 * 1024 * 1024;

/** How much of a text or an answer that is an artifact stands where it is shown or told, in characters: less than one post. */
export const ARTIFACT_BEGINNING = 12_000;

/** The name of an artifact: what it holds, so that the same bytes are one artifact. */
export const ArtifactDigest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'write sha256: and 64 hexadecimal digits in lower case');
export type ArtifactDigest = z.output<typeof ArtifactDigest>;

/** Where a body is that does not fit into a message. */
export const ArtifactRef = z.object({
  digest: ArtifactDigest,
  bytes: z.int().min(1).max(ARTIFACT_LIMIT),
});
export type ArtifactRef = z.output<typeof ArtifactRef>;
