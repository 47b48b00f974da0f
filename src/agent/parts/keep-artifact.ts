import { createHash } from 'node:crypto';
import { ApiError } from '#core/api.ts';
import { ArtifactRef } from '#core/artifact.ts';
import type { TrustLabel } from '#core/envelope.ts';
import { messageOf, OlympusError } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { ControlApi } from './control-api.ts';

export type Kept =
  | { readonly kind: 'kept'; readonly ref: ArtifactRef }
  | { readonly kind: 'refused'; readonly sentence: string };

const TIMEOUT_MS = 20_000;
/** What may pass when it is tried again: everything of the server but "no room", and being asked too early or too often. */
const PASSING = new Set([408, 425, 429]);
const NO_ROOM = 507;

/**
 * Has control keep bytes as an artifact, which is its own digest: brought twice it is kept once. Throws `api_unavailable` for
 * what may pass.
 */
export async function keepArtifact(
  { url, token }: ControlApi,
  {
    what,
    bytes,
    mediaType,
    trust,
  }: {
    /** What it is called when it goes wrong. */
    readonly what: string;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly mediaType: string;
    /** Where it is to be trusted less than the agent. */
    readonly trust?: TrustLabel;
  },
  signal: AbortSignal,
): Promise<Kept> {
  const digest = createHash('sha256').update(bytes).digest('base64');
  let response: Response;
  let said: unknown;
  try {
    [response, said] = await withDeadline(`upload of ${what}`, TIMEOUT_MS, signal, async (within) => {
      const answer = await fetch(`${url}/v1/artifacts`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': mediaType,
          'content-digest': `sha-256=:${digest}:`,
          ...(trust ? { 'olympus-trust': trust } : {}),
        },
        body: bytes,
        signal: within,
      });
      return [answer, await answer.json().catch(() => undefined)];
    });
  } catch (error) {
    const sentence = `the control plane at ${url} did not take ${what}: ${messageOf(error)}`;
    throw new OlympusError('api_unavailable', sentence, { cause: error });
  }
  const kept = ArtifactRef.safeParse(said);
  if (response.ok && kept.success) return { kind: 'kept', ref: kept.data };
  const sentence = ApiError.safeParse(said).data?.message ?? `${url} answered ${response.status}`;
  const forGood = response.status < 500 || response.status === NO_ROOM;
  if (forGood && !PASSING.has(response.status)) return { kind: 'refused', sentence };
  throw new OlympusError('api_unavailable', `the control plane did not take ${what}: ${sentence}`);
}
