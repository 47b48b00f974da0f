import { z } from 'zod';
import { addAccount, createApp } from './actions/apps.ts';
import type { Account, App, Repo } from './model.ts';
import type { World } from './world.ts';

const Permissions = z.record(z.string(), z.literal(['read', 'write']));
const Repositories = z.union([z.literal('all'), z.array(z.string())]);
const Hook = z.strictObject({ url: z.string(), secret: z.string().exactOptional() });

/** What a server starts with. Repositories are named `owner/name`. */
export const Seed = z.strictObject({
  users: z
    .array(
      z.strictObject({
        login: z.string(),
        name: z.string().exactOptional(),
        email: z.string().exactOptional(),
        /** Without permissions a token is a classic one: it may what its owner may. */
        tokens: z
          .array(
            z.strictObject({
              token: z.string(),
              permissions: Permissions.exactOptional(),
              repositories: Repositories.default('all'),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
  organizations: z
    .array(z.strictObject({ login: z.string(), members: z.array(z.string()).default([]) }))
    .default([]),
  repositories: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[^/]+\/[^/]+$/, 'write owner/name'),
        private: z.boolean().default(true),
        description: z.string().default(''),
        defaultBranch: z.string().default('main'),
        /** The first commit; without files and without `from` the repository is empty. */
        files: z.record(z.string(), z.string()).default({}),
        /** A repository on this machine whose branches and tags it gets. */
        from: z.string().exactOptional(),
        forkOf: z.string().exactOptional(),
        collaborators: z
          .record(z.string(), z.literal(['read', 'triage', 'write', 'maintain', 'admin']))
          .default({}),
        protected: z
          .record(
            z.string(),
            z.strictObject({ approvals: z.int().default(0), checks: z.array(z.string()).default([]) }),
          )
          .default({}),
        hooks: z.array(Hook.extend({ events: z.array(z.string()).default(['*']) })).default([]),
        labels: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  apps: z
    .array(
      z.strictObject({
        name: z.string(),
        slug: z.string().exactOptional(),
        owner: z.string(),
        permissions: Permissions.default({}),
        events: z.array(z.string()).default([]),
        webhook: Hook.exactOptional(),
        privateKey: z.string().exactOptional(),
        installations: z
          .array(z.strictObject({ account: z.string(), repositories: Repositories.default('all') }))
          .default([]),
      }),
    )
    .default([]),
});
export type Seed = z.input<typeof Seed>;

/** A wrong seed: the message says which field, and what is wrong with it. */
export class SeedError extends Error {}

/** What a seed made: what one has to know to use it. */
export interface Seeded {
  readonly users: Readonly<Record<string, number>>;
  readonly repositories: Readonly<Record<string, number>>;
  readonly apps: Readonly<Record<string, SeededApp>>;
}

export interface SeededApp {
  readonly id: number;
  readonly clientId: string;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** Installations by the account they are on. */
  readonly installations: Readonly<Record<string, number>>;
}

/** Makes what the seed names, all of it new. It tells no hooks. */
export async function applySeed(world: World, document: unknown): Promise<Seeded> {
  const read = Seed.safeParse(document);
  if (!read.success) throw new SeedError(z.prettifyError(read.error));
  const seed = read.data;
  const users = seed.users.map((user) => addAccount(world, { ...user, type: 'User' }));
  for (const organization of seed.organizations) addAccount(world, { ...organization, type: 'Organization' });
  const repos = [];
  for (const repo of seed.repositories) repos.push(await addRepo(world, repo));
  for (const [index, user] of seed.users.entries()) addTokens(world, users[index], user.tokens);
  const apps: [string, SeededApp][] = [];
  for (const app of seed.apps) apps.push(await addApp(world, app));
  return {
    users: Object.fromEntries(users.map(({ login, id }) => [login, id])),
    repositories: Object.fromEntries(repos.map((repo) => [world.state.fullName(repo), repo.id])),
    apps: Object.fromEntries(apps),
  };
}

type RepoSeed = z.output<typeof Seed>['repositories'][number];
type AppSeed = z.output<typeof Seed>['apps'][number];
type TokenSeed = z.output<typeof Seed>['users'][number]['tokens'][number];

async function addRepo(world: World, seed: RepoSeed): Promise<Repo> {
  const { state, repos } = world;
  const [owner = '', name = ''] = seed.name.split('/');
  const now = world.clock.now();
  const repo: Repo = {
    id: state.nextId(),
    ownerId: accountNamed(world, owner).id,
    name,
    formerNames: new Set(),
    isPrivate: seed.private,
    description: seed.description,
    defaultBranch: seed.defaultBranch,
    forkOf: seed.forkOf === undefined ? undefined : repoNamed(world, seed.forkOf).id,
    collaborators: new Map(
      Object.entries(seed.collaborators).map(([login, role]) => [login.toLowerCase(), role]),
    ),
    hooks: seed.hooks.map(({ url, secret = '', events }) => ({
      ...{ id: state.nextId(), url, secret, events, active: true, createdAt: now },
    })),
    labels: new Map(),
    protection: new Map(Object.entries(seed.protected)),
    refs: new Map(),
    lastNumber: 0,
    createdAt: now,
    updatedAt: now,
    pushedAt: now,
  };
  for (const label of seed.labels) {
    repo.labels.set(label.toLowerCase(), {
      id: state.nextId(),
      name: label,
      color: 'ededed',
      description: '',
    });
  }
  state.repos.set(repo.id, repo);
  const from = seed.from ?? (repo.forkOf === undefined ? undefined : repos.dir(repo.forkOf));
  await repos.create(repo.id, repo.defaultBranch, from);
  if (Object.keys(seed.files).length > 0) await repos.commitFiles(repo.id, repo.defaultBranch, seed.files);
  repo.refs = await repos.refs(repo.id);
  return repo;
}

function addTokens(world: World, account: Account | undefined, tokens: readonly TokenSeed[]): void {
  for (const { token, permissions, repositories } of tokens) {
    world.state.tokens.set(token, {
      value: token,
      accountId: account?.id ?? 0,
      repositories: repositories === 'all' ? 'all' : reposNamed(world, repositories),
      ...(permissions ? { permissions } : {}),
    });
  }
}

async function addApp(world: World, seed: AppSeed): Promise<[string, SeededApp]> {
  const { webhook, installations, owner, ...draft } = seed;
  const app = await createApp(world, {
    ...draft,
    ownerId: accountNamed(world, owner).id,
    hook: { url: webhook?.url ?? '', ...(webhook?.secret === undefined ? {} : { secret: webhook.secret }) },
  });
  const installed = installations.map(
    ({ account, repositories }) => [account, install(world, app, account, repositories)] as const,
  );
  const { id, clientId, privateKey, hook } = app;
  const made = { id, clientId, privateKey, webhookSecret: hook.secret };
  return [app.slug, { ...made, installations: Object.fromEntries(installed) }];
}

/** Installs an app on an account, for all of its repositories or for some. */
export function install(
  world: World,
  app: App,
  account: string,
  repositories: 'all' | readonly string[],
): number {
  const id = world.state.nextId();
  world.state.installations.set(id, {
    id,
    appId: app.id,
    accountId: accountNamed(world, account).id,
    repositories: repositories === 'all' ? 'all' : reposNamed(world, repositories),
    createdAt: world.clock.now(),
  });
  return id;
}

function reposNamed(world: World, names: readonly string[]): Set<number> {
  return new Set(names.map((name) => repoNamed(world, name).id));
}

function repoNamed({ state }: World, fullName: string): Repo {
  const [owner = '', name = ''] = fullName.split('/');
  const repo = state.repoNamed(owner, name);
  if (!repo) throw new SeedError(`the seed names the repository ${fullName}, which is not in it`);
  return repo;
}

function accountNamed({ state }: World, login: string): Account {
  const account = state.accountNamed(login);
  if (!account) throw new SeedError(`the seed names ${login}, who is not in it`);
  return account;
}
