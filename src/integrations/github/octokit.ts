import type { App, Octokit } from 'octokit';

/** A limit that ends within this is waited for; of a longer one the caller hears. */
const WAIT_S = 5;
/** After a failure of GitHub's, with 1 s and 4 s between. */
const RETRIES = 2;

/** What talks to one GitHub. */
export interface Loaded {
  readonly Octokit: typeof Octokit;
  readonly app: (identity: { readonly app: number; readonly privateKey: string }) => App;
}

/**
 * Loaded when it is wanted: it takes 13 MB that nobody needs who does not use GitHub. `url` is that of the API, with or
 * without a slash at its end.
 */
export async function loadOctokit(url: string): Promise<Loaded> {
  const { App: Base, Octokit: BaseOctokit } = await import('octokit');
  const isShort = (afterS: number, _: unknown, __: unknown, retries: number): boolean =>
    afterS <= WAIT_S && retries < 1;
  // What goes wrong rises to the caller, who logs it.
  const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const Ours = BaseOctokit.defaults({
    baseUrl: url.replace(/\/$/, ''),
    userAgent: 'olympus',
    log: silent,
    throttle: { onRateLimit: isShort, onSecondaryRateLimit: isShort },
    retry: { retries: RETRIES },
  });
  return {
    Octokit: Ours,
    app: ({ app: appId, privateKey }) => new Base({ appId, privateKey, Octokit: Ours, log: silent }),
  };
}

function nothing(): void {
  // Nothing is logged twice.
}
