import type { GitHubToken } from '#core/api-runs.ts';
import type { GithubSettings } from '#core/github-settings.ts';
import { type MintOptions, mintToken } from '#integrations/github/mint.ts';

/** What the agents are on GitHub, and what each proves it with: the key of its App, or a token. */
export class Identities {
  readonly #settings: GithubSettings;
  readonly #keys: ReadonlyMap<string, string>;

  constructor(settings: GithubSettings, keys: ReadonlyMap<string, string>) {
    this.#settings = settings;
    this.#keys = keys;
  }

  /**
   * A token of the agent for one repository and these permissions; of an App one that is made for it and lasts an hour,
   * of an account its own. A sentence where it has none. Rejects where GitHub makes none.
   */
  async tokenFor(
    agent: string,
    { repository, permissions }: Pick<MintOptions, 'repository' | 'permissions'>,
    signal: AbortSignal,
  ): Promise<GitHubToken | string> {
    const { url, agents, repositories } = this.#settings;
    const identity = agents[agent];
    const key = this.#keys.get(agent);
    if (!identity || key === undefined)
      return `${agent} is nobody on GitHub: name it in github.agents of the inventory`;
    if (!repositories.some((each) => each.toLowerCase() === repository.toLowerCase())) {
      return `this fleet does not work in ${repository}: github.repositories of the inventory has ${repositories.join(', ')}`;
    }
    const { login, app, installation } = identity;
    if (app === undefined || installation === undefined) return { token: key, login, url };
    const minted = await mintToken(
      { app, installation, privateKey: key },
      { url, repository, permissions, signal },
    );
    return { token: minted.token, expiresAt: new Date(minted.expiresAt).toISOString(), login, url };
  }
}
