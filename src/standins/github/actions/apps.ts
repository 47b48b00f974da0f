import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { unprocessable } from '../errors.ts';
import { asObject, type JsonObject, textOf, textsOf } from '../json.ts';
import type { Account, AccountType, App, Permissions } from '../model.ts';
import type { World } from '../world.ts';

const newKeyPair = promisify(generateKeyPair);

export interface AppDraft {
  readonly name: string;
  readonly slug?: string;
  readonly ownerId: number;
  readonly description?: string;
  readonly url?: string;
  readonly permissions: Permissions;
  readonly events: readonly string[];
  readonly hook: { readonly url: string; readonly secret?: string };
  /** A key that is there already, as PEM; without one it is made. */
  readonly privateKey?: string;
}

export function addAccount(
  { state, clock }: Pick<World, 'state' | 'clock'>,
  draft: { login: string; type: AccountType; name?: string; email?: string; members?: readonly string[] },
): Account {
  const id = state.nextId();
  const account: Account = {
    id,
    login: draft.login,
    type: draft.type,
    name: draft.name ?? draft.login,
    email: draft.email ?? `${id}+${draft.login}@users.noreply.github.com`,
    createdAt: clock.now(),
    members: new Set((draft.members ?? []).map((login) => login.toLowerCase())),
  };
  state.accounts.set(id, account);
  return account;
}

/** Makes an app with its key and with its account, which is called like it with `[bot]`. */
export async function createApp(world: Pick<World, 'state' | 'clock'>, draft: AppDraft): Promise<App> {
  const { state, clock } = world;
  const slug =
    draft.slug ??
    draft.name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
  if ([...state.apps.values()].some((app) => app.slug === slug)) throw unprocessable('Name is already taken');
  const privateKey = draft.privateKey ?? (await newPrivateKey());
  const now = clock.now();
  const app: App = {
    id: state.nextId(),
    slug,
    name: draft.name,
    description: draft.description ?? '',
    url: draft.url ?? 'https://example.test',
    ownerId: draft.ownerId,
    botId: addAccount(world, { login: `${slug}[bot]`, type: 'Bot', name: `${slug}[bot]` }).id,
    clientId: `Iv23${randomBytes(8).toString('hex')}`,
    clientSecret: randomBytes(20).toString('hex'),
    privateKey,
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    permissions: { ...draft.permissions, metadata: 'read' },
    events: draft.events,
    hook: {
      id: state.nextId(),
      url: draft.hook.url,
      secret: draft.hook.secret ?? randomBytes(20).toString('hex'),
      events: draft.events,
      active: draft.hook.url !== '',
      createdAt: now,
    },
    createdAt: now,
  };
  state.apps.set(app.id, app);
  return app;
}

async function newPrivateKey(): Promise<string> {
  const { privateKey } = await newKeyPair('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** What a manifest says of an app. */
export function readManifest(manifest: JsonObject, ownerId: number): AppDraft {
  const [name, url] = [textOf(manifest, 'name'), textOf(manifest, 'url')];
  if (!name || !url) throw unprocessable('The manifest needs a name and a url');
  const hook = asObject(manifest['hook_attributes']) ?? {};
  return {
    name,
    url,
    ownerId,
    description: textOf(manifest, 'description') ?? '',
    permissions: (asObject(manifest['default_permissions']) ?? {}) as Permissions,
    events: textsOf(manifest['default_events']) ?? [],
    hook: { url: hook['active'] === false ? '' : (textOf(hook, 'url') ?? '') },
  };
}
