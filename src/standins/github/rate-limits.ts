import type { Caller } from './caller.ts';
import { ApiError } from './errors.ts';

const WINDOW_MS = 3_600_000;
const LIMIT = 5000;
const LIMIT_OF_NOBODY = 60;

export interface Budget {
  readonly limit: number;
  used: number;
  resetAt: number;
}

/** The primary rate limit: so many requests an hour for each user, installation, app or, together, nobody. */
export class RateLimits {
  readonly #budgets = new Map<string, Budget>();

  /** The caller's budget of the hour that is running. */
  budget(caller: Caller, nowMs: number): Budget {
    const key = keyOf(caller);
    const found = this.#budgets.get(key);
    if (found && found.resetAt > nowMs) return found;
    const fresh = {
      limit: caller.kind === 'nobody' ? LIMIT_OF_NOBODY : LIMIT,
      used: 0,
      resetAt: nowMs + WINDOW_MS,
    };
    this.#budgets.set(key, fresh);
    return fresh;
  }
}

/** The headers that every answer carries. */
export function rateHeaders(budget: Budget): Record<string, string> {
  return {
    'x-ratelimit-limit': String(budget.limit),
    'x-ratelimit-remaining': String(Math.max(budget.limit - budget.used, 0)),
    'x-ratelimit-used': String(budget.used),
    'x-ratelimit-reset': String(Math.ceil(budget.resetAt / 1000)),
    'x-ratelimit-resource': 'core',
  };
}

/** The same as numbers, in the body of `/rate_limit`. */
export function rateNumbers({ limit, used, resetAt }: Budget): Record<string, number> {
  return { limit, used, remaining: Math.max(limit - used, 0), reset: Math.ceil(resetAt / 1000) };
}

/** What is answered when the hour's requests are spent. */
export function primaryLimit(status: 403 | 429, budget: Budget): ApiError {
  return new ApiError(status, 'API rate limit exceeded for this caller.', {
    headers: rateHeaders({ ...budget, used: budget.limit }),
  });
}

/** What is answered to somebody who asks too fast. */
export function secondaryLimit(status: 403 | 429, retryAfterS: number): ApiError {
  return new ApiError(
    status,
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    { headers: { 'retry-after': String(retryAfterS) } },
  );
}

function keyOf(caller: Caller): string {
  switch (caller.kind) {
    case 'nobody':
      return 'nobody';
    case 'app':
      return `app ${caller.app.id}`;
    case 'installation':
      return `installation ${caller.installation.id}`;
    case 'user':
      return `user ${caller.account.id}`;
  }
}
