import examples from '@octokit/webhooks-examples' with { type: 'json' };
import { GithubSettings } from '#core/github-settings.ts';

/** Settings as an inventory has them: athena is an App, apollo an account with a token. */
export const GITHUB = GithubSettings.parse({
  repositories: ['acme/web'],
  reader: 'athena',
  agents: {
    athena: { login: 'athena-acme[bot]', app: 1, installation: 2 },
    apollo: { login: 'Apollo-Acme' },
  },
  people: { 'Ada-L': 'ada' },
});

export type Patch = { readonly [key: string]: unknown };

export const ADA = { login: 'ada-l', id: 1, type: 'User' };
/** A collaborator whom the settings do not name. */
export const BOB = { login: 'bob', id: 2, type: 'User' };
export const MALLORY = { login: 'mallory', id: 3, type: 'User' };
export const APOLLO = { login: 'apollo-acme', id: 4, type: 'User' };
export const ATHENA = { login: 'athena-acme[bot]', id: 5, type: 'Bot' };
export const DEPENDABOT = { login: 'dependabot[bot]', id: 6, type: 'Bot' };

/**
 * A payload as GitHub documents it, from its published examples, with parts of it as a test wants them: in `acme/web`,
 * by bob.
 */
export function payloadOf(event: string, action: string, patch: Patch = {}): Patch {
  const all = (examples as unknown as { name: string; examples: Patch[] }[]).find(
    ({ name }) => name === event,
  );
  // Of some actions there is no example; their payloads have the form of the others.
  const found = all?.examples.find((each) => each['action'] === action) ?? all?.examples[0];
  if (!found) throw new Error(`there is no example of ${event}`);
  return merged(found, { action, repository: { full_name: 'Acme/Web' }, sender: BOB, ...patch }) as Patch;
}

/** Issue 7 of mallory, who is from outside. */
export function issueOf(patch: Patch = {}): Patch {
  return {
    ...{
      number: 7,
      title: 'It rains in',
      body: 'Mend the roof.',
      html_url: 'https://github.com/acme/web/issues/7',
    },
    ...{
      user: MALLORY,
      author_association: 'NONE',
      labels: [],
      assignees: [],
      state: 'open',
      closed_at: null,
    },
    updated_at: '2026-11-30T10:00:00Z',
    ...patch,
  };
}

/** Pull request 8 of apollo. */
export function pullOf(patch: Patch = {}): Patch {
  return {
    ...{ number: 8, title: 'A new roof', body: 'As asked.', html_url: 'https://github.com/acme/web/pull/8' },
    ...{ user: APOLLO, author_association: 'COLLABORATOR', labels: [], state: 'open' },
    ...{ closed_at: null, merged_at: null, updated_at: '2026-11-30T10:00:00Z' },
    head: { sha: 'abc123', ref: 'agent/apollo/7-roof' },
    requested_reviewers: [],
    ...patch,
  };
}

/** Comment 99 of bob, a collaborator. */
export function commentOf(body: string, patch: Patch = {}): Patch {
  return {
    ...{ id: 99, body, html_url: 'https://github.com/acme/web/issues/7#issuecomment-99' },
    ...{ user: BOB, author_association: 'COLLABORATOR', updated_at: '2026-11-30T10:00:00Z' },
    ...patch,
  };
}

function merged(base: unknown, patch: unknown): unknown {
  if (!isRecord(base) || !isRecord(patch)) return patch;
  const keys = new Set([...Object.keys(base), ...Object.keys(patch)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, key in patch ? merged(base[key], patch[key]) : base[key]]),
  );
}

function isRecord(value: unknown): value is Patch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
