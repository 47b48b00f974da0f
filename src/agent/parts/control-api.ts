import { ApiError } from '#core/api.ts';
import { withDeadline } from '#lib/deadline.ts';

/** Control's API, as the agent itself. */
export interface ControlApi {
  readonly url: string;
  readonly token: string;
}

export type Got =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly status: number; readonly sentence: string };

const TIMEOUT_MS = 20_000;

/** What control has at this path, or its own sentence about why it does not give it. Rejects where it does not answer in time. */
export function getFromControl(
  api: ControlApi,
  path: string,
  what: string,
  signal: AbortSignal,
): Promise<Got> {
  return askControl(api, { path }, what, signal);
}

/** The same of what has to be asked with a body. */
export function postToControl(
  api: ControlApi,
  { path, body }: { readonly path: string; readonly body: object },
  what: string,
  signal: AbortSignal,
): Promise<Got> {
  const headers = { 'content-type': 'application/json' };
  return askControl(
    api,
    { path, given: { method: 'POST', headers, body: JSON.stringify(body) } },
    what,
    signal,
  );
}

interface Asked {
  readonly path: string;
  readonly given?: { readonly method: string; readonly headers: object; readonly body: string };
}

function askControl(
  { url, token }: ControlApi,
  { path, given }: Asked,
  what: string,
  signal: AbortSignal,
): Promise<Got> {
  return withDeadline(what, TIMEOUT_MS, signal, async (within) => {
    const headers = { ...given?.headers, authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { ...given, headers, signal: within });
    const body = Buffer.from(await response.arrayBuffer());
    if (response.ok) return { ok: true, body };
    const sentence = sentenceIn(body) ?? `${url} answered ${response.status}`;
    return { ok: false, status: response.status, sentence };
  });
}

function sentenceIn(body: Buffer): string | undefined {
  try {
    return ApiError.safeParse(JSON.parse(body.toString())).data?.message;
  } catch {
    return undefined;
  }
}
