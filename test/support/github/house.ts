import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { GithubSettings } from '#core/github-settings.ts';
import type { Seed } from '../../../src/standins/github/seed.ts';
import type { Api, GithubScene } from './scene.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const EVENTS = [
  ...['issues', 'issue_comment', 'pull_request', 'pull_request_review'],
  ...['pull_request_review_comment', 'check_run'],
];
const READ = { issues: 'read', pull_requests: 'read', checks: 'read', contents: 'read' } as const;

interface Hook {
  readonly url: string;
  readonly secret: string;
}

/** GitHub with the organisation acme: bob works in `acme/web`, mallory does not, athena is an App and apollo an account. */
export function acmeSeed(
  given: {
    readonly webhook?: Hook;
    /** Of the repositories. */
    readonly hooks?: Hook[];
    readonly repositories?: string[];
  } = {},
): Seed {
  const { webhook, hooks = [], repositories = ['acme/web'] } = given;
  return {
    users: ['bob', 'mallory', 'apollo-acme'].map((login) => ({
      login,
      tokens: [{ token: `token-${login}` }],
    })),
    organizations: [{ login: 'acme' }],
    repositories: repositories.map((name) => ({
      name,
      private: false,
      files: { 'README.md': 'A house.' },
      collaborators: { bob: 'write', 'apollo-acme': 'write' },
      hooks,
      labels: ['agent:athena', 'agent:apollo', 'olympus:pause'],
    })),
    apps: [
      {
        name: 'Athena',
        owner: 'acme',
        permissions: { ...READ, checks: 'write' },
        events: EVENTS,
        privateKey,
        ...(webhook ? { webhook } : {}),
        installations: [{ account: 'acme' }],
      },
    ],
  };
}

/** The settings for it, read as the App, and its key. */
export function acmeSettings(
  github: GithubScene,
  repositories = ['acme/web'],
): { readonly settings: GithubSettings; readonly readerKey: string } {
  const app = github.seeded.apps['athena'] ?? assert.fail('athena is no App there');
  const settings = GithubSettings.parse({
    url: github.apiUrl,
    repositories,
    reader: 'athena',
    agents: {
      athena: { login: 'athena[bot]', app: app.id, installation: app.installations['acme'] },
      apollo: { login: 'apollo-acme' },
    },
    poll_minutes: 1,
  });
  return { settings, readerKey: app.privateKey };
}

/** Calls GitHub as somebody of acme; fails where GitHub does not do it. */
export function asUser(github: GithubScene, login: string): Api {
  const api = github.as(`token-${login}`);
  return async (...given) => {
    const answer = await api(...given);
    assert.ok(answer.status < 300, `${given.join(' ')}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
}
