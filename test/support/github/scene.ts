import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSign } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '#lib/clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import type { Fault } from '../../../src/standins/github/faults.ts';
import type { Seed, Seeded } from '../../../src/standins/github/seed.ts';
import { GithubStandin } from '../../../src/standins/github/server.ts';

const run = promisify(execFile);

/** What an answer had: its body as JSON where it is JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many kinds
  readonly body: any;
}

export interface ApiRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Api = (method: string, path: string, request?: ApiRequest) => Promise<ApiAnswer>;

/** A stand-in GitHub with what a test needs around it: calls, apps, git, faults. */
export class GithubScene implements AsyncDisposable {
  readonly standin: GithubStandin;
  readonly #dir: TempDir;

  private constructor(standin: GithubStandin, dir: TempDir) {
    this.standin = standin;
    this.#dir = dir;
  }

  static async open(seed: Seed, options: { readonly clock?: Clock } = {}): Promise<GithubScene> {
    const standin = new GithubStandin({ seed, ...options });
    await standin.start();
    return new GithubScene(standin, await tempDir('github'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.standin.stop();
    await this.#dir[Symbol.asyncDispose]();
  }

  get url(): string {
    return this.standin.url;
  }

  /** Where octokit's `baseUrl` points to. */
  get apiUrl(): string {
    return `${this.url}/api/v3`;
  }

  get seeded(): Seeded {
    return this.standin.seeded ?? assert.fail('the scene has no seed');
  }

  /** Calls the API with a token; without one as nobody. */
  as(token?: string): Api {
    return async (method, where, { body, headers = {} } = {}) => {
      const response = await fetch(where.startsWith('http') ? where : this.apiUrl + where, {
        method,
        redirect: 'manual',
        headers: {
          accept: 'application/vnd.github+json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = (response.headers.get('content-type') ?? '').startsWith('application/json');
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
      };
    };
  }

  /** What an app of the seed signs to say who it is. */
  jwt(app: string, claims: object = {}): string {
    const { id, privateKey } = this.seeded.apps[app] ?? assert.fail(app);
    const now = Math.floor(Date.now() / 1000);
    return signJwt(privateKey, { iat: now - 60, exp: now + 540, iss: String(id), ...claims });
  }

  /** A token of an app's installation, with all that the app may or with less. */
  async installationToken(app: string, account: string, body: object = {}): Promise<string> {
    const installation = this.seeded.apps[app]?.installations[account] ?? assert.fail(`${app} on ${account}`);
    const call = this.as(this.jwt(app));
    const answer = await call('POST', `/app/installations/${installation}/access_tokens`, { body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.token;
  }

  async fault(fault: Partial<Fault> & Pick<Fault, 'kind'>): Promise<void> {
    await this.admin('POST', '/standin/faults', fault);
  }

  async clearFaults(): Promise<void> {
    await this.admin('DELETE', '/standin/faults');
  }

  /** Puts GitHub's clock forward. */
  async advance(aheadMs: number): Promise<void> {
    await this.admin('POST', '/standin/clock', { aheadMs });
  }

  async admin(method: string, where: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.standin.adminUrl + where, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** Where git finds a repository, with a token in the address. */
  remote(repo: string, token?: string): string {
    const { host } = new URL(this.url);
    return `http://${token === undefined ? '' : `x-access-token:${token}@`}${host}/${repo}.git`;
  }

  /** Clones a repository into a folder of its own, and gives git to work there. */
  async clone(repo: string, token: string, name = 'clone'): Promise<Git> {
    const dir = path.join(this.#dir.path, name);
    await git(this.#dir.path, 'clone', '-q', this.remote(repo, token), dir);
    return Object.assign((...args: readonly string[]) => git(dir, ...args), { dir });
  }
}

/** git in a clone, which is at `dir`. */
export type Git = ((...args: readonly string[]) => Promise<string>) & { readonly dir: string };

/** A real git with an identity and none of this machine's settings; it asks nobody for a password. */
export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Ada',
    '-c',
    'user.email=ada@example.test',
    '-c',
    'maintenance.auto=false',
  ];
  const { stdout } = await run('git', [...identity, ...args], {
    cwd,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
    },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trim();
}

/** Signs a JSON web token by RS256. */
export function signJwt(privateKey: string, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createSign('sha256').update(signed).sign(privateKey, 'base64url')}`;
}
