import { generateKeyPairSync } from 'node:crypto';
import type { Seed } from '../../../src/standins/github/seed.ts';

/** A key is dear to make; all apps of a test run share one. */
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const PRIVATE_KEY = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();

const EVERYTHING = {
  administration: 'write',
  checks: 'write',
  contents: 'write',
  issues: 'write',
  pull_requests: 'write',
  repository_hooks: 'write',
  statuses: 'write',
} as const;

const EVENTS = [
  'check_run',
  'check_suite',
  'issue_comment',
  'issues',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
];

/** The permissions and events of an app that may do and hears all that agents need. */
export function appOf(name: string, webhook?: { url: string; secret: string }) {
  const app = { name, owner: 'acme', permissions: EVERYTHING, events: EVENTS, privateKey: PRIVATE_KEY };
  return { ...app, installations: [{ account: 'acme' }], ...(webhook ? { webhook } : {}) };
}

/**
 * The organization acme with the repositories app, empty and other; its owner ada, the member mia, bob who may triage, eve
 * who has nothing to do with it and a fork; and the app athena, which hears of everything at `webhook`.
 */
export function acme(webhook?: { url: string; secret: string }): Seed {
  const token = (login: string) => [{ token: `token-of-${login}` }];
  return {
    users: [
      { login: 'ada', email: 'ada@example.test', tokens: token('ada') },
      { login: 'mia', tokens: token('mia') },
      { login: 'bob', tokens: token('bob') },
      { login: 'eve', tokens: token('eve') },
    ],
    organizations: [{ login: 'acme', members: ['ada', 'mia'] }],
    repositories: [
      {
        name: 'acme/app',
        files: { 'README.md': '# app\n', 'src/main.ts': 'export const answer = 41;\n' },
        collaborators: { ada: 'admin', bob: 'triage', mia: 'write' },
        labels: ['bug'],
        protected: { release: { approvals: 1 } },
      },
      { name: 'acme/empty', collaborators: { ada: 'admin' } },
      { name: 'acme/other', files: { 'README.md': '# other\n' }, collaborators: { ada: 'admin' } },
      {
        name: 'acme/open',
        private: false,
        files: { 'README.md': '# open\n' },
        collaborators: { ada: 'admin' },
      },
      { name: 'eve/open', private: false, forkOf: 'acme/open' },
    ],
    apps: [appOf('Athena', webhook)],
  };
}
