import type { FastifyInstance } from 'fastify';
import { readFault } from './admin-faults.ts';
import type { Hub } from './hub.ts';
import { asObject, numberOf } from './json.ts';
import type { RequestLog } from './request-log.ts';
import { applySeed, SeedError } from './seed.ts';
import type { WebSocketEndpoint } from './websocket.ts';
import type { World } from './world.ts';

export interface AdminOptions {
  readonly world: World;
  readonly hub: Hub;
  readonly sockets: WebSocketEndpoint;
  readonly requests: RequestLog;
}

/** The stand-in's own surface, no part of Mattermost: seed, state, faults, requests seen. */
export function registerAdminRoutes(app: FastifyInstance, options: AdminOptions): void {
  const { world, hub, requests } = options;
  app.post('/standin/seed', async (request, reply) => {
    try {
      return applySeed(world.store, request.body);
    } catch (error) {
      if (!(error instanceof SeedError)) throw error;
      return reply.code(400).send({ error: error.message });
    }
  });
  app.post('/standin/account', async (request, reply) => {
    const given = asObject(request.body);
    const user = world.store.users.named(String(given?.['username'] ?? ''));
    if (!given || !user) return reply.code(400).send({ error: 'name an account: {"username":"ada"}' });
    if (typeof given['roles'] === 'string') user.roles = given['roles'];
    if (typeof given['active'] === 'boolean') user.deleteAt = given['active'] ? 0 : world.clock.now();
    return { roles: user.roles, active: user.deleteAt === 0 };
  });
  app.get('/standin/state', async () => describeState(options));
  app.post('/standin/faults', async (request, reply) => {
    const fault = readFault(request.body);
    if ('error' in fault) return reply.code(400).send(fault);
    switch (fault.kind) {
      case 'cut-sockets':
        if (fault.refuse) world.faults.add({ kind: 'refuse-sockets' });
        return { cut: hub.cut(fault.user === undefined ? {} : { userId: userId(world, fault.user) }) };
      case 'restart':
        world.store.dedupe.forget();
        return { cut: hub.cut({ forget: true }) };
      case 'switch':
        world.faults.add(fault.fault);
        return { faults: describeFaults(world) };
    }
  });
  app.delete('/standin/faults', async () => {
    world.faults.clear();
    return { faults: [] };
  });
  app.post<{ Params: { id: string } }>('/standin/files/:id/size', async (request, reply) => {
    const file = world.store.files.get(request.params.id);
    if (!file) return reply.code(404).send({ error: 'there is no such file' });
    file.declaredSize = numberOf(asObject(request.body) ?? {}, 'size', 0);
    return { size: file.declaredSize };
  });
  app.post('/standin/release', async () => ({ released: world.faults.release() }));
  app.get('/standin/requests', async (request) => {
    const since = Number(asObject(request.query)?.['since'] ?? 0) || 0;
    return { last: requests.count, requests: requests.since(since) };
  });
}

/** An unknown name cuts nobody. */
function userId(world: World, username: string): string {
  return world.store.users.named(username)?.id ?? '';
}

function describeState({ world, hub, sockets, requests }: AdminOptions): Record<string, unknown> {
  const { users, channels, posts, statuses } = world.store;
  const nameOf = (id: string): string => users.get(id)?.username ?? id;
  return {
    users: users.all().map((user) => ({
      id: user.id,
      username: user.username,
      isBot: user.isBot,
      isActive: user.deleteAt === 0,
      status: statuses.get(user.id).status,
    })),
    teams: channels.teams().map((team) => ({ id: team.id, name: team.name })),
    channels: channels.all().map((channel) => ({
      id: channel.id,
      name: channel.name,
      type: channel.type,
      members: channels.members(channel.id).map((member) => nameOf(member.userId)),
      posts: posts.newestFirst(channel.id).length,
    })),
    sockets: sockets.socketCount,
    connections: hub.connections().map((connection) => ({
      id: connection.id,
      user: nameOf(connection.owner.userId),
      isActive: connection.isActive,
      isDeaf: connection.isDeaf,
      nextSeq: connection.nextSeq,
      waiting: connection.waitingCount,
    })),
    faults: describeFaults(world),
    held: world.faults.held(),
    requests: requests.count,
  };
}

function describeFaults(world: World): unknown[] {
  return world.faults
    .list()
    .map((fault) =>
      'pathPattern' in fault && fault.pathPattern
        ? { ...fault, pathPattern: fault.pathPattern.source }
        : { ...fault },
    );
}
