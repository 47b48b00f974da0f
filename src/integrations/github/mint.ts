import { loadOctokit } from './octokit.ts';

/** An agent's own GitHub App, in the one installation that it acts in. */
export interface AppIdentity {
  readonly app: number;
  readonly installation: number;
  /** PEM. */
  readonly privateKey: string;
}

export interface MintOptions {
  /** Of GitHub's API. */
  readonly url: string;
  /** `owner/name`. */
  readonly repository: string;
  /** By the names that GitHub has for them. */
  readonly permissions: Readonly<Record<string, 'read' | 'write'>>;
  readonly signal: AbortSignal;
}

export interface Minted {
  readonly token: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/**
 * Has GitHub make a token of the App that is good for one repository, for what is wanted there, and for at most an hour.
 * Rejects with what GitHub says where it does not, such as for a repository that the App is not installed on.
 * https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
 */
export async function mintToken(
  identity: AppIdentity,
  { url, repository, permissions, signal }: MintOptions,
): Promise<Minted> {
  const app = (await loadOctokit(url)).app(identity);
  const { data } = await app.octokit.rest.apps.createInstallationAccessToken({
    installation_id: identity.installation,
    repositories: [repository.split('/')[1] ?? repository],
    permissions: { metadata: 'read', ...permissions },
    request: { signal },
  });
  return { token: data.token, expiresAt: Date.parse(data.expires_at) };
}
