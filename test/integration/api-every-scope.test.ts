import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ApiRoute } from '#core/api-route.ts';
import { apiRoutes } from '#core/api-routes.ts';
import { type Scope, scopes } from '#core/scopes.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const GRANTED = Object.keys(scopes) as (keyof typeof scopes)[];
const AGENT = 'athena';
const tokenOf = (scope: Scope): string => `the-token-of-who-has-the-scope-${scope}`;

/** Who asks: by what, and what they may do. */
const CALLERS: readonly { readonly who: string; readonly token?: string; readonly has: readonly Scope[] }[] =
  [
    { who: 'nobody', has: [] },
    { who: 'a stranger', token: 'a-token-that-was-never-given-out', has: [] },
    ...GRANTED.map((scope) => ({ who: `who may ${scope}`, token: tokenOf(scope), has: [scope] })),
    { who: 'an agent', token: tokenOf('agent'), has: ['agent'] },
  ];

describe('every route of the API', () => {
  let dir: TempDir;
  let control: ControlOnBus;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('every-scope');
    const file = path.join(dir.path, 'tokens.json');
    const people = GRANTED.map((scope) => ({ name: scope, token: tokenOf(scope), scopes: [scope] }));
    await writeFile(file, apiTokensText(people, { [AGENT]: tokenOf('agent') }), { mode: 0o600 });
    control = await startControlOnBus('f1', [AGENT], { OLYMPUS_API_TOKENS_FILE: file });
  });
  after(async () => {
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** What is answered where there is nothing of this name, and no body: no more than whether it is let in matters. */
  async function statusOf({ method, path: route }: ApiRoute, token: string | undefined): Promise<number> {
    const enough = new AbortController();
    const response = await fetch(`${control.url}${route.replaceAll(/\{\w+\}/g, 'nothing')}`, {
      method: method.toUpperCase(),
      headers: token ? { authorization: `Bearer ${token}` } : {},
      redirect: 'manual',
      signal: AbortSignal.any([enough.signal, AbortSignal.timeout(10_000)]),
    });
    enough.abort(); // a stream of events would go on
    return response.status;
  }

  for (const { who, token, has } of CALLERS) {
    it(`lets ${who} in where its scopes say so, and nowhere else`, async () => {
      const known = has.length > 0;
      for (const route of apiRoutes) {
        const free = route.scopes.length === 0;
        const may = free || route.scopes.some((scope) => has.includes(scope));
        const status = await statusOf(route, token);

        const answered = status === 401 || status === 403 ? status : 'let in';
        const expected = may ? 'let in' : known ? 403 : 401;
        assert.equal(answered, expected, `${route.method} ${route.path}`);
      }
    });
  }

  it('lets who has the full token in everywhere', async () => {
    for (const route of apiRoutes) {
      const status = await statusOf(route, control.token);
      assert.ok(status !== 401 && status !== 403, `${route.method} ${route.path}: ${status}`);
    }
  });
});
