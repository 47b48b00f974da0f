import { createHmac, randomUUID } from 'node:crypto';
import type { FaultGate } from './faults.ts';
import type { Delivery, Hook, Installation, Permissions, Repo } from './model.ts';
import { nodeId, showUser, showUserById } from './render/accounts.ts';
import { showRepo } from './render/repos.ts';
import type { World } from './world.ts';

/** How long GitHub waits for whom it tells. */
const TIMEOUT_MS = 10_000;

/** The permission without which an app hears nothing of an event. */
const PERMISSION_OF: Readonly<Record<string, string>> = {
  issues: 'issues',
  issue_comment: 'issues',
  label: 'issues',
  push: 'contents',
  pull_request: 'pull_requests',
  pull_request_review: 'pull_requests',
  pull_request_review_comment: 'pull_requests',
  check_run: 'checks',
  check_suite: 'checks',
  status: 'statuses',
};

/** An event on its way to one hook. */
interface Message {
  readonly hook: Hook;
  readonly targetType: 'repository' | 'integration';
  readonly targetId: number;
  readonly event: string;
  readonly action: string | null;
  readonly guid: string;
  readonly redelivery: boolean;
  readonly installationId: number | null;
  readonly repositoryId: number | null;
  readonly body: string;
}

type Outcome = Pick<Delivery, 'status' | 'statusCode' | 'answer'>;

/** Tells hooks what happened, each in the order it happened, and writes down how that went. */
export class Events {
  readonly #faults: FaultGate;
  readonly #stopping = new AbortController();
  readonly #queues = new Map<number, Promise<void>>();

  constructor(faults: FaultGate) {
    this.#faults = faults;
  }

  /** Sends an event of a repository to its own hooks and to those of the apps that are installed there. */
  emit(
    world: World,
    repo: Repo,
    event: { name: string; action: string | null; payload: object; senderId: number },
  ): void {
    const { name, action, senderId } = event;
    const owner = world.state.account(repo.ownerId);
    const payload = {
      ...(action === null ? {} : { action }),
      ...event.payload,
      repository: name === 'push' ? showPushedRepo(world, repo) : showRepo(world, repo),
      ...(owner.type === 'Organization' ? { organization: showOrganization(world, owner.id) } : {}),
      sender: showUserById(world, senderId),
    };
    const common = { event: name, action, redelivery: false, repositoryId: repo.id };
    for (const hook of repo.hooks) {
      if (!hears(hook, name)) continue;
      const target = { targetType: 'repository' as const, targetId: repo.id, installationId: null };
      this.#enqueue(world, {
        ...common,
        ...target,
        hook,
        guid: randomUUID(),
        body: JSON.stringify(payload),
      });
    }
    for (const installation of world.state.installationsOn(repo)) {
      const { hook, permissions, id } = world.state.app(installation.appId);
      if (!hears(hook, name) || !mayHear(permissions, name)) continue;
      this.#enqueue(world, {
        ...common,
        hook,
        targetType: 'integration',
        targetId: id,
        installationId: installation.id,
        guid: randomUUID(),
        body: JSON.stringify({ ...payload, installation: showInstallationLite(installation) }),
      });
    }
  }

  /** The greeting of a new hook. */
  ping(
    world: World,
    repo: Repo,
    hook: Hook,
    { payload, senderId }: { payload: object; senderId: number },
  ): void {
    const sender = showUserById(world, senderId);
    const body = JSON.stringify({ ...payload, repository: showRepo(world, repo), sender });
    const target = { targetType: 'repository' as const, targetId: repo.id, repositoryId: repo.id };
    this.#enqueue(world, {
      ...target,
      hook,
      event: 'ping',
      action: null,
      guid: randomUUID(),
      redelivery: false,
      installationId: null,
      body,
    });
  }

  /** Sends once more what was sent: the same body under the same delivery id. */
  redeliver(world: World, hook: Hook, delivery: Delivery): void {
    this.#enqueue(world, {
      hook,
      targetType: delivery.headers['x-github-hook-installation-target-type'] as Message['targetType'],
      targetId: Number(delivery.headers['x-github-hook-installation-target-id']),
      event: delivery.event,
      action: delivery.action,
      guid: delivery.guid,
      redelivery: true,
      installationId: delivery.installationId,
      repositoryId: delivery.repositoryId,
      body: delivery.body,
    });
  }

  /** Resolves when everything that was to be told has been. */
  async settled(): Promise<void> {
    await Promise.all(this.#queues.values());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.settled();
  }

  #enqueue(world: World, message: Message): void {
    const before = this.#queues.get(message.hook.id) ?? Promise.resolve();
    this.#queues.set(
      message.hook.id,
      before.then(() => this.#deliver(world, message)),
    );
  }

  async #deliver(world: World, message: Message): Promise<void> {
    const subject = { event: message.event, action: message.action };
    await this.#faults.delay('webhook-delay', subject, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    const dropped = this.#faults.take('webhook-drop', subject);
    if (dropped && !dropped.recorded) return;
    const twice = !dropped && this.#faults.take('webhook-duplicate', subject) !== undefined;
    for (let sent = 0; sent < (twice ? 2 : 1); sent++) {
      const headers = headersOf(message);
      const startedAt = performance.now();
      const outcome = dropped
        ? { status: 'timed out', statusCode: 504, answer: { headers: {}, body: '' } }
        : await this.#post(message, headers);
      record(world, message, { ...outcome, headers, durationS: (performance.now() - startedAt) / 1000 });
    }
  }

  async #post({ hook, body }: Message, headers: Readonly<Record<string, string>>): Promise<Outcome> {
    try {
      const response = await fetch(hook.url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#stopping.signal]),
      });
      return {
        status: response.ok ? 'OK' : `Invalid HTTP Response: ${response.status}`,
        statusCode: response.status,
        answer: { headers: Object.fromEntries(response.headers), body: await response.text() },
      };
    } catch {
      // Who is not there is told later, when somebody asks for the delivery again: that is the protocol.
      return { status: 'failed to connect to host', statusCode: 502, answer: { headers: {}, body: '' } };
    }
  }
}

function record(
  world: World,
  message: Message,
  sent: Outcome & Pick<Delivery, 'headers' | 'durationS'>,
): void {
  const { event, action, guid, redelivery, installationId, repositoryId, body, hook } = message;
  const id = world.state.nextId();
  const deliveredAt = world.clock.now();
  world.state.deliveries.set(id, {
    ...{ id, event, action, guid, redelivery, installationId, repositoryId, body, deliveredAt },
    ...sent,
    hookId: hook.id,
    url: hook.url,
  });
}

function headersOf({ hook, event, guid, targetType, targetId, body }: Message): Record<string, string> {
  const signature = (algorithm: 'sha1' | 'sha256'): string =>
    `${algorithm}=${createHmac(algorithm, hook.secret).update(body).digest('hex')}`;
  return {
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/0123abc',
    'x-github-delivery': guid,
    'x-github-event': event,
    'x-github-hook-id': String(hook.id),
    'x-github-hook-installation-target-id': String(targetId),
    'x-github-hook-installation-target-type': targetType,
    ...(hook.secret === ''
      ? {}
      : { 'x-hub-signature': signature('sha1'), 'x-hub-signature-256': signature('sha256') }),
  };
}

function hears(hook: Hook, event: string): boolean {
  return hook.active && hook.url !== '' && (hook.events.includes('*') || hook.events.includes(event));
}

function mayHear(permissions: Permissions, event: string): boolean {
  const needed = PERMISSION_OF[event];
  if (needed === undefined || permissions[needed] !== undefined) return true;
  return event === 'issue_comment' && permissions['pull_requests'] !== undefined;
}

/** In push events a repository is of an older form. */
function showPushedRepo(world: World, repo: Repo): object {
  const owner = world.state.account(repo.ownerId);
  const shown = showRepo(world, repo);
  return {
    ...shown,
    owner: { ...showUser(world, owner), name: owner.login, email: owner.email },
    created_at: Math.floor(repo.createdAt / 1000),
    pushed_at: Math.floor(repo.pushedAt / 1000),
    stargazers: 0,
    master_branch: repo.defaultBranch,
  };
}

function showInstallationLite({ id }: Installation): object {
  return { id, node_id: nodeId('MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u', id) };
}

function showOrganization(world: World, id: number): object {
  const { login } = world.state.account(id);
  const url = `${world.apiUrl}/orgs/${login}`;
  return {
    login,
    id,
    node_id: nodeId('O', id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${world.htmlUrl}/avatars/u/${id}?v=4`,
    description: '',
  };
}
