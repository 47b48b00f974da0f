import assert from 'node:assert/strict';
import { apiRoutes } from '#core/api-routes.ts';
import { openApiOf } from '#core/open-api.ts';
import { ApiTokensFile, GrantedScope, scopes } from '#core/scopes.ts';

interface Described {
  readonly paths: Record<string, Record<string, { security: { token: string[] }[] }>>;
}

describe('the scopes of the API', () => {
  it('stand at every route, and only what machines look after is asked without any', () => {
    const open = apiRoutes.filter(({ scopes: wanted }) => wanted.length === 0).map(({ path }) => path);

    assert.deepEqual(open, ['/healthz', '/health', '/metrics', '/v1/openapi.json']);
  });

  it('never let a token that may only read change anything', () => {
    const changing = apiRoutes.filter(
      ({ method, scopes: wanted }) => method !== 'get' && wanted.includes('read'),
    );

    assert.deepEqual(changing, []);
  });

  it('are in the description, as alternatives', () => {
    const { paths } = openApiOf(apiRoutes) as Described;

    assert.deepEqual(paths['/v1/dlq/{id}/redrive']?.['post']?.security, [{ token: ['operate'] }]);
    assert.deepEqual(paths['/healthz']?.['get']?.security, []);
  });

  it('are given by name, or as the name of an agent', () => {
    for (const scope of [...Object.keys(scopes), 'agent:athena']) GrantedScope.parse(scope);
    for (const wrong of ['agent', 'agent:', 'all', 'agent:Athena']) {
      assert.match(
        GrantedScope.safeParse(wrong).error?.message ?? '',
        /write read, work, decide, operate or agent/,
      );
    }
  });

  it('are given once to each token', () => {
    const entry = { name: 'ada', sha256: 'a'.repeat(64), scopes: ['read'] };

    assert.ok(ApiTokensFile.safeParse({ tokens: [entry] }).success);
    assert.match(
      ApiTokensFile.safeParse({ tokens: [entry, { ...entry, name: 'bob' }] }).error?.message ?? '',
      /stands there twice/,
    );
  });
});
