import { z } from 'zod';
import type { ApiRoute } from './api-route.ts';
import { RepositoryName } from './github-write.ts';

/** What a token is wanted for: something that the run has asked, by its key, or to read a repository. */
export const GitHubTokenRequest = z.union(
  [z.strictObject({ key: z.string().min(1).max(512) }), z.strictObject({ read: RepositoryName })],
  'write the key of what was asked, or the repository to read',
);
export type GitHubTokenRequest = z.output<typeof GitHubTokenRequest>;

/** With what, and as whom, one thing may be done at GitHub. */
export const GitHubToken = z.object({
  token: z.string(),
  /** When GitHub takes it no more, if it ever does. */
  expiresAt: z.iso.datetime().optional(),
  login: z.string(),
  /** Of GitHub's API. */
  url: z.url(),
  /** The issue or pull request of this repository that the task was made for, if it was for one. */
  askedIn: z.int().positive().optional(),
});
export type GitHubToken = z.output<typeof GitHubToken>;

/** What an agent can ask of its own runs. */
export const runRoutes: readonly ApiRoute[] = [
  {
    method: 'get',
    path: '/v1/runs/{id}/input',
    summary: 'All of what the agent of this run is asked, where its message has only the beginning',
    answer: 'text',
    scopes: ['agent'],
  },
  {
    method: 'post',
    path: '/v1/runs/{id}/github-token',
    summary: 'A token for one repository: to read it, or to write the one thing in it that is approved',
    body: GitHubTokenRequest,
    answer: GitHubToken,
    scopes: ['agent'],
  },
];
