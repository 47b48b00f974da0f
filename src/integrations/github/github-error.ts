import { z } from 'zod';
import { type ErrorCode, messageOf, OlympusError } from '#core/errors.ts';
import { DeadlineError } from '#lib/deadline.ts';

/** GitHub did not do what it was asked; `until` (Unix ms) is when it takes requests again, where it says so. */
export class GithubError extends OlympusError {
  readonly until: number | undefined;

  constructor(code: Extract<ErrorCode, `github_${string}`>, message: string, until?: number) {
    super(code, message);
    this.name = 'GithubError';
    this.until = until;
  }
}

interface Refused {
  readonly status: number;
  readonly message: string;
  readonly response?: {
    readonly headers: Readonly<Record<string, string | number | undefined>>;
    readonly data?: unknown;
  };
}

/**
 * What an error of octokit means. Its own object is not kept: it holds the whole request.
 * `what` is what was asked, such as `issues of acme/web`.
 */
export function githubError(what: string, error: unknown, now: number): GithubError {
  if (error instanceof GithubError) return error;
  const asked = `GitHub was asked for ${what} and`;
  if (!isRefused(error) || error.response === undefined) {
    return new GithubError('github_unavailable', `${asked} ${withoutAnswer(error)}`);
  }
  const { status, message } = error;
  const until = limitedUntil(error, now);
  if (until !== undefined) {
    const time = new Date(until).toISOString();
    return new GithubError('github_limited', `${asked} takes no more requests until ${time}`, until);
  }
  const answer = `${asked} answered ${status}: ${message.split('\n')[0]}`;
  if (status === 401 || status === 403) return new GithubError('github_unauthorized', answer);
  if (status === 404 || status === 410 || status === 451) return new GithubError('github_not_found', answer);
  return new GithubError('github_unavailable', answer);
}

function withoutAnswer(error: unknown): string {
  if (error instanceof DeadlineError) return 'did not answer in time';
  if (error instanceof z.ZodError) return `answered other than it documents: ${z.prettifyError(error)}`;
  return `could not be reached: ${messageOf(error)}`;
}

/** The primary limit says when it ends; a secondary one says after how many seconds, or nothing, which means a minute. */
function limitedUntil({ status, message, response }: Refused, now: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const headers = response?.headers ?? {};
  const after = Number(headers['retry-after']);
  if (after > 0) return now + after * 1000;
  if (headers['x-ratelimit-remaining'] === '0') return Number(headers['x-ratelimit-reset']) * 1000;
  return status === 429 || /secondary rate limit/i.test(message) ? now + 60_000 : undefined;
}

function isRefused(error: unknown): error is Refused {
  return error instanceof Error && 'status' in error && typeof error.status === 'number';
}
