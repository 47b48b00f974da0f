import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Clock, systemClock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import { registerAdminRoutes } from './admin.ts';
import { installFaultHooks } from './fault-hooks.ts';
import { FaultGate } from './faults.ts';
import { bearerToken, registerRoutes } from './http.ts';
import { Hub } from './hub.ts';
import { OutgoingRequests } from './outgoing.ts';
import { registerPage } from './page.ts';
import { RequestLog, type SeenRequest } from './request-log.ts';
import { botRoutes } from './routes/bots.ts';
import { channelRoutes } from './routes/channels.ts';
import { clickRoutes } from './routes/clicks.ts';
import { fileRoutes } from './routes/files.ts';
import { memberRoutes } from './routes/members.ts';
import { postRoutes } from './routes/posts.ts';
import { reactionRoutes } from './routes/reactions.ts';
import { statusRoutes } from './routes/statuses.ts';
import { systemRoutes } from './routes/system.ts';
import { teamRoutes } from './routes/teams.ts';
import { timelineRoutes } from './routes/timelines.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import { applySeed, type SeedResult } from './seed.ts';
import { Tables } from './store/tables.ts';
import { createStore } from './store.ts';
import { WebSocketEndpoint } from './websocket.ts';
import type { World } from './world.ts';

/** The largest upload (facts §3.5: 100 MiB), with room for the form around it. */
const MAX_BODY_BYTES = 101 * 1024 * 1024;

const ROUTES = [
  systemRoutes,
  userRoutes,
  tokenRoutes,
  statusRoutes,
  botRoutes,
  teamRoutes,
  channelRoutes,
  memberRoutes,
  postRoutes,
  timelineRoutes,
  reactionRoutes,
  fileRoutes,
];

export interface StandinOptions {
  /** The address that Mattermost's API listens on, 127.0.0.1 by default; its own surface never leaves 127.0.0.1. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly seed?: unknown;
  /** Where everything is kept for the next server; without one it is gone with this one. */
  readonly stateFile?: string;
  readonly clock?: Clock;
  readonly authenticationTimeoutMs?: number;
  readonly pingEveryMs?: number;
  /** AllowedUntrustedInternalConnections: names and CIDRs that buttons may lead to; loopback unless it says otherwise. */
  readonly allowedInternal?: readonly string[];
}

/** A running stand-in. */
export interface MattermostStandin {
  readonly url: string;
  readonly adminUrl: string;
  /** What the seed of the options made. */
  readonly seeded: SeedResult | undefined;
  close(): Promise<void>;
}

/** Starts a Mattermost stand-in in this process. */
export async function createMattermostStandin(options: StandinOptions = {}): Promise<MattermostStandin> {
  const standin = new StandinPart(options);
  await standin.start();
  return {
    url: standin.url,
    adminUrl: standin.adminUrl,
    seeded: standin.seeded,
    close: () => standin.stop(),
  };
}

/** The stand-in as a part: two listeners, one for Mattermost's API and one, on 127.0.0.1, for its own. */
export class StandinPart implements Part {
  readonly name = 'mattermost stand-in';
  readonly #options: StandinOptions;
  readonly #api: FastifyInstance;
  readonly #admin: FastifyInstance;
  readonly #world: World;
  readonly #tables: Tables;
  readonly #sockets: WebSocketEndpoint;
  readonly #outgoing: OutgoingRequests;
  #seeded: SeedResult | undefined;

  constructor(options: StandinOptions) {
    const clock = options.clock ?? systemClock;
    this.#tables = new Tables(options.stateFile);
    const store = createStore(clock, this.#tables);
    const faults = new FaultGate(clock);
    const hub = new Hub({ clock, store, faults });
    const requests = new RequestLog();
    this.#options = options;
    this.#world = { clock, store, events: hub, faults, deafen: (who) => hub.deafen(who) };
    this.#sockets = new WebSocketEndpoint({
      world: this.#world,
      hub,
      authenticationTimeoutMs: options.authenticationTimeoutMs ?? 5000,
      pingEveryMs: options.pingEveryMs ?? 60_000,
      tokenOf: (request) => bearerToken(request.headers.authorization),
    });
    this.#outgoing = new OutgoingRequests(options.allowedInternal ?? ['localhost', '127.0.0.0/8']);
    this.#api = buildApi(this.#world, requests, this.#outgoing, this.#tables);
    this.#api.server.on('upgrade', (request, stream, head) => this.#sockets.upgrade(request, stream, head));
    this.#admin = Fastify({ forceCloseConnections: true });
    keepBeforeAnswer(this.#admin, this.#tables);
    registerAdminRoutes(this.#admin, { world: this.#world, hub, sockets: this.#sockets, requests });
  }

  get url(): string {
    return urlOf(this.#api);
  }

  get adminUrl(): string {
    return urlOf(this.#admin);
  }

  get seeded(): SeedResult | undefined {
    return this.#seeded;
  }

  async start(): Promise<void> {
    const { seed, host = '127.0.0.1', port = 0, adminPort = 0 } = this.#options;
    if (seed !== undefined) this.#seeded = applySeed(this.#world.store, seed);
    this.#tables.keep();
    await this.#api.listen({ host, port });
    await this.#admin.listen({ host: '127.0.0.1', port: adminPort });
  }

  async stop(): Promise<void> {
    this.#world.faults.clear();
    this.#outgoing.stop();
    this.#sockets.close();
    await this.#api.close();
    await this.#admin.close();
  }

  health(): Health {
    return { live: true, ready: true };
  }
}

function buildApi(
  world: World,
  requests: RequestLog,
  outgoing: OutgoingRequests,
  tables: Tables,
): FastifyInstance {
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 512 },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const entries = new WeakMap<object, SeenRequest>();
  app.addHook('onRequest', async (request) => {
    const token = bearerToken(request.headers.authorization);
    const user = token === undefined ? undefined : world.store.users.authenticate(token)?.user.username;
    const entry = requests.add({ method: request.method, path: request.url, user, at: world.clock.now() });
    entries.set(request.raw, entry);
  });
  app.addHook('onResponse', async (request, reply) => {
    const entry = entries.get(request.raw);
    if (entry) entry.status = reply.statusCode;
  });
  // Before the faults: an answer that is held or lost is of a request that took effect.
  keepBeforeAnswer(app, tables);
  installFaultHooks(app, world);
  registerPage(app);
  registerRoutes(app, world, [
    ...ROUTES.flatMap((routesOf) => routesOf(world)),
    ...clickRoutes(world, outgoing),
  ]);
  return app;
}

function keepBeforeAnswer(app: FastifyInstance, tables: Tables): void {
  app.addHook('onSend', async (request) => {
    if (request.method !== 'GET') tables.keep();
  });
}

function urlOf(app: FastifyInstance): string {
  const address = app.server.address() as AddressInfo | null;
  if (!address) return '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
