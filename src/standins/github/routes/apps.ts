import { randomBytes } from 'node:crypto';
import { createApp, readManifest } from '../actions/apps.ts';
import { ApiError, notFound, unprocessable } from '../errors.ts';
import { asObject, timeText } from '../json.ts';
import type { Installation, Permissions, Repo } from '../model.ts';
import { showApp, showInstallation } from '../render/accounts.ts';
import { showRepo } from '../render/repos.ts';
import { type AppCall, actorRoute, appRoute, numberParam, page, publicRoute, type Route } from '../routes.ts';
import { covers } from '../state.ts';

const TOKEN_LIVES_MS = 3_600_000;
const MANIFEST_LIVES_MS = 3_600_000;

/** GitHub Apps: what they are, where they are installed, and their tokens. */
export const appRoutes: readonly Route[] = [
  appRoute('GET', '/app', ({ world, app }) => ({
    body: {
      ...showApp(world, app),
      installations_count: [...world.state.installations.values()].filter(({ appId }) => appId === app.id)
        .length,
    },
  })),

  appRoute('GET', '/app/installations', (call) => {
    const all = [...call.world.state.installations.values()].filter(({ appId }) => appId === call.app.id);
    return page(call, [...all], (slice) => slice.map((each) => showInstallation(call.world, each)));
  }),

  appRoute('GET', '/app/installations/:installation', (call) => ({
    body: showInstallation(call.world, installationOf(call)),
  })),

  appRoute('GET', '/repos/:owner/:repo/installation', (call) => {
    const { world, app, params } = call;
    const repo = world.state.repoNamed(params['owner'] ?? '', params['repo'] ?? '');
    const installation = repo && world.state.installationsOn(repo).find(({ appId }) => appId === app.id);
    if (!installation) throw notFound();
    return { body: showInstallation(world, installation) };
  }),

  appRoute('POST', '/app/installations/:installation/access_tokens', (call) => {
    const { world, app } = call;
    const installation = installationOf(call);
    const repos = reposAsked(call, installation);
    const permissions = permissionsAsked(call);
    const expiresAt = world.clock.now() + TOKEN_LIVES_MS;
    const value = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, '0')}`;
    world.state.tokens.set(value, {
      value,
      accountId: app.botId,
      installationId: installation.id,
      repositories: repos ? new Set(repos.map(({ id }) => id)) : 'all',
      permissions,
      expiresAt,
    });
    const selection = repos || installation.repositories !== 'all' ? 'selected' : 'all';
    return {
      status: 201,
      body: {
        token: value,
        expires_at: timeText(expiresAt),
        permissions,
        repository_selection: selection,
        ...(repos ? { repositories: repos.map((repo) => showRepo(world, repo)) } : {}),
      },
    };
  }),

  actorRoute('DELETE', '/installation/token', ({ world, caller }) => {
    if (caller.kind !== 'installation')
      throw new ApiError(403, 'Resource not accessible by personal access token');
    world.state.tokens.delete(caller.token.value);
    return { status: 204 };
  }),

  publicRoute('POST', '/app-manifests/:code/conversions', async ({ world, params }) => {
    const code = params['code'] ?? '';
    const found = world.state.manifests.get(code);
    // A code is good once, and for an hour.
    world.state.manifests.delete(code);
    if (!found || found.createdAt + MANIFEST_LIVES_MS <= world.clock.now()) throw notFound();
    const app = await createApp(world, readManifest(found.manifest, found.ownerId));
    return {
      status: 201,
      body: {
        ...showApp(world, app),
        client_id: app.clientId,
        client_secret: app.clientSecret,
        webhook_secret: app.hook.url === '' ? null : app.hook.secret,
        pem: app.privateKey,
      },
    };
  }),
];

function installationOf(call: AppCall): Installation {
  const installation = call.world.state.installations.get(numberParam(call, 'installation'));
  if (!installation || installation.appId !== call.app.id) throw notFound();
  return installation;
}

/** The repositories that the token shall be for; 422 for one that the app is not installed on. */
function reposAsked({ world, body }: AppCall, installation: Installation): Repo[] | undefined {
  const { repositories: names, repository_ids: ids } = body;
  if (!Array.isArray(names) && !Array.isArray(ids)) return undefined;
  const { state } = world;
  const owner = state.account(installation.accountId).login;
  const asked = [
    ...(Array.isArray(names) ? names : []).map((name) => state.repoNamed(owner, String(name))),
    ...(Array.isArray(ids) ? ids : []).map((id) => state.repos.get(Number(id))),
  ];
  return asked.map((repo) => {
    if (repo && covers(installation, repo)) return repo;
    throw unprocessable(
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  });
}

/** At most what the app was given; 422 for more. */
function permissionsAsked({ app, body }: AppCall): Permissions {
  const asked = asObject(body['permissions']);
  if (!asked) return app.permissions;
  for (const [name, level] of Object.entries(asked)) {
    const has = name === 'metadata' ? 'read' : app.permissions[name];
    if (
      has === undefined ||
      (level === 'write' && has !== 'write') ||
      (level !== 'read' && level !== 'write')
    ) {
      throw unprocessable('The permissions requested are not granted to this installation.');
    }
  }
  return { ...(asked as Permissions), metadata: 'read' };
}
