import { z } from 'zod';
import { OlympusError } from '#core/errors.ts';

const RATE_LIMITED = 429;
/** Not by this server as it is set up, however often it is asked. */
const NOT_IMPLEMENTED = 501;

const ErrorBody = z.object({ id: z.string(), message: z.string() });

/** Ids of refusals that pass by themselves: another send of the same post is under way. */
const PASSING = new Set(['api.post.deduplicate_create_post.pending']);

/** What a call that was answered with an error throws: `chat_unauthorized`, `chat_unavailable` (try again) or `chat_refused` (do not). */
export function refusal(what: string, status: number, data: unknown): OlympusError {
  const body = ErrorBody.safeParse(data);
  const said = body.success ? `${body.data.message} (${body.data.id})` : 'no readable body';
  const message = `${what}: Mattermost answered ${status}: ${said}`;
  if (status === 401) return new OlympusError('chat_unauthorized', message);
  const failing = status >= 500 && status !== NOT_IMPLEMENTED;
  const passing = status === RATE_LIMITED || failing || (body.success && PASSING.has(body.data.id));
  // A proxy's error page has no readable body whatever its status: worth another try.
  return new OlympusError(passing || !body.success ? 'chat_unavailable' : 'chat_refused', message);
}

/** To files a proxy says so in a page of its own: too large, or not through here, however often it is tried. */
const NO_TO_FILES = new Set([403, 413]);

/** The same for a call that moves a file. */
export function fileRefusal(what: string, status: number, data: unknown): OlympusError {
  const error = refusal(what, status, data);
  return NO_TO_FILES.has(status) ? new OlympusError('chat_refused', error.message) : error;
}

/** The library parses JSON only when the content type has no parameters; a proxy in between may add some. */
export function asJson(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
