import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { Loop } from '#lib/loop.ts';
import { observeStatus } from './actions/status.ts';
import type { ConnectionOwner, EventConnection, FrameSink } from './connection.ts';
import type { ServerEvent } from './events.ts';
import type { Hub } from './hub.ts';
import { isMattermostId } from './ids.ts';
import { asObject, numberOf, parseJson, textOf } from './json.ts';
import { SERVER_BUILD } from './version.ts';
import { type ActionReply, answerAction } from './websocket-actions.ts';
import type { World } from './world.ts';

/** A client frame over 8 KiB closes the socket with 1009 (facts §3.1). */
const MAX_FRAME_BYTES = 8 * 1024;

/** A peer that answers no protocol ping for this long is dropped (facts §2.3: 100 s). */
const SILENCE_LIMIT_MS = 100_000;

export interface WebSocketOptions {
  readonly world: World;
  readonly hub: Hub;
  /** How long an unauthenticated socket may stay (facts §3.6: 5 s). */
  readonly authenticationTimeoutMs: number;
  /** How often the server sends a protocol ping (facts §2.3: 60 s). */
  readonly pingEveryMs: number;
  readonly tokenOf: (request: IncomingMessage) => string | undefined;
}

/** The event endpoint, `/api/v4/websocket`: the upgrade is always accepted, also with a bad token (facts §3.6). */
export class WebSocketEndpoint {
  readonly #options: WebSocketOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  readonly #sockets = new Set<WebSocket>();

  constructor(options: WebSocketOptions) {
    this.#options = options;
  }

  /** Sockets that are open, authenticated or not. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://standin');
    if (url.pathname !== '/api/v4/websocket' || this.#options.world.faults.refusesSockets()) {
      stream.destroy();
      return;
    }
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#accept(socket, request, url));
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  #accept(socket: WebSocket, request: IncomingMessage, url: URL): void {
    const { world, hub } = this.#options;
    const sink: FrameSink = { send: (text) => socket.send(text), close: () => socket.terminate() };
    let connection: EventConnection | undefined;
    this.#sockets.add(socket);
    const heartbeat = this.#heartbeat(socket);
    heartbeat.start();
    const silence = setTimeout(() => {
      if (!connection) socket.terminate();
    }, this.#options.authenticationTimeoutMs);

    socket.on('error', () => undefined); // An oversized frame: ws closes the socket by itself.
    socket.on('close', () => {
      void heartbeat.stop();
      clearTimeout(silence);
      this.#sockets.delete(socket);
      connection?.pause(sink, world.clock.now());
      const userId = connection?.owner.userId;
      if (userId !== undefined && !hub.hasActive(userId)) observeStatus(world, userId, 'offline');
    });
    socket.on('message', (raw) => {
      const frame = asObject(parseJson(textOfFrame(raw)));
      if (!frame) return;
      const seq = numberOf(frame, 'seq', 0);
      const action = textOf(frame, 'action');
      const data = asObject(frame['data']) ?? {};
      if (connection) {
        if (action === 'ping' && world.faults.pings() === 'unanswered') return;
        socket.send(replyText(seq, answerAction(world, connection, { action, seq, data })));
      } else if (action === 'authentication_challenge') {
        connection = this.#challenge(socket, sink, seq, textOf(data, 'token'));
      }
      // Anything else before authentication is not answered (recorded).
    });

    const token = this.#options.tokenOf(request);
    const owner = token === undefined ? undefined : authenticate(world, token);
    if (owner) connection = this.#start(sink, owner, url);
  }

  /** Protocol pings; a peer that has been silent for too long is cut off. */
  #heartbeat(socket: WebSocket): Loop {
    const { clock } = this.#options.world;
    let heardAt = clock.now();
    let isFirst = true;
    socket.on('pong', () => {
      heardAt = clock.now();
    });
    return new Loop({
      clock,
      round: async () => {
        if (clock.now() - heardAt > SILENCE_LIMIT_MS) socket.terminate();
        else if (!isFirst) socket.ping();
        isFirst = false;
        return this.#options.pingEveryMs;
      },
      onError: () => socket.terminate(),
    });
  }

  /** The hello comes before the OK; a wrong token ends the socket at once, without a close frame (facts §3.6). */
  #challenge(socket: WebSocket, sink: FrameSink, seq: number, token: string): EventConnection | undefined {
    const owner = authenticate(this.#options.world, token);
    if (!owner) {
      socket.terminate();
      return undefined;
    }
    const connection = this.#options.hub.register(owner);
    connection.open(sink, () => helloOf(connection));
    socket.send(replyText(seq, { status: 'OK' }));
    observeStatus(this.#options.world, owner.userId, 'online');
    return connection;
  }

  /** A reconnect is replayed only here, where the upgrade itself is authenticated (facts §2.3). */
  #start(sink: FrameSink, owner: ConnectionOwner, url: URL): EventConnection {
    const { world, hub } = this.#options;
    const wanted = url.searchParams.get('connection_id') ?? '';
    const known = isMattermostId(wanted) ? hub.claim(owner.userId, wanted) : undefined;
    const connection = known ?? hub.register(owner);
    if (known)
      known.resume(sink, Number(url.searchParams.get('sequence_number') ?? '0'), () => helloOf(known));
    else connection.open(sink, () => helloOf(connection));
    observeStatus(world, owner.userId, 'online');
    return connection;
  }
}

function authenticate(world: World, token: string): ConnectionOwner | undefined {
  const found = world.store.users.authenticate(token);
  return found && { userId: found.user.id, token };
}

function helloOf(connection: EventConnection): ServerEvent {
  return {
    event: 'hello',
    data: { connection_id: connection.id, server_hostname: 'standin', server_version: SERVER_BUILD },
    target: { userId: connection.owner.userId },
  };
}

function replyText(seq: number, reply: ActionReply): string {
  const { status, ...rest } = reply;
  return `${JSON.stringify({ status, seq_reply: seq, ...rest })}\n`;
}

function textOfFrame(raw: RawData): string {
  if (Buffer.isBuffer(raw)) return raw.toString('utf8');
  return Array.isArray(raw) ? Buffer.concat(raw).toString('utf8') : Buffer.from(raw).toString('utf8');
}
