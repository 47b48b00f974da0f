import assert from 'node:assert/strict';
import { mock } from 'node:test';
import mm from '@mattermost/client';
import {
  createMattermostStandin,
  type MattermostStandin,
  type StandinOptions,
} from '../../../src/standins/mattermost/server.ts';

export type RestClient = mm.Client4;
export type Draft = Parameters<mm.Client4['createPost']>[0];

/** An event as the real client hands it on. */
export type Message = Readonly<{ event: string; seq: number; data: Readonly<Record<string, unknown>> }>;

type Reply = Readonly<{ status: string }>;

const SEED = {
  team: { name: 'olympus', displayName: 'Olympus' },
  users: [
    { username: 'admin', roles: 'system_admin system_user', token: 'token-of-admin' },
    { username: 'human', token: 'token-of-human' },
  ],
  bots: [{ username: 'zeus', token: 'token-of-zeus' }],
  channels: [{ name: 'agents', displayName: 'Agents' }],
};

/** A stand-in with the real Mattermost client on it: an admin, a human, the bot zeus and the channel agents. */
export class MattermostScene {
  readonly standin: MattermostStandin;
  readonly #sockets: mm.WebSocketClient[] = [];

  private constructor(standin: MattermostStandin) {
    this.standin = standin;
  }

  static async open(options: StandinOptions = {}): Promise<MattermostScene> {
    return new MattermostScene(await createMattermostStandin({ seed: SEED, ...options }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await this.standin.close();
  }

  get agents(): string {
    return this.standin.seeded?.channels['agents'] ?? assert.fail('agents');
  }

  get team(): string {
    return this.standin.seeded?.teams['olympus'] ?? assert.fail('olympus');
  }

  userId(name: string): string {
    return this.standin.seeded?.users[name]?.id ?? assert.fail(name);
  }

  rest(who: string): RestClient {
    const client = new mm.Client4();
    client.setUrl(this.standin.url);
    client.setToken(`token-of-${who}`);
    client.setIncludeCookies(false);
    return client;
  }

  draft(message: string, more: object = {}): Draft {
    return { channel_id: this.agents, message, ...more } as Draft;
  }

  async write(message: string): Promise<void> {
    await this.rest('human').createPost(this.draft(message));
  }

  async writeMany(count: number): Promise<string[]> {
    const texts = Array.from({ length: count }, (_, index) => `post ${index}`);
    for (const text of texts) await this.write(text);
    return texts;
  }

  /** The bot zeus, connected by header as facts §2.2 says, or by the client's own token challenge. */
  listen(options: { challenge?: boolean } = {}): Listener {
    const headers = { authorization: 'Bearer token-of-zeus' };
    const socket = new mm.WebSocketClient({
      minWebSocketRetryTime: 20,
      maxWebSocketRetryTime: 50,
      reconnectJitterRange: 1,
      newWebSocketFn: (url: string) =>
        options.challenge ? new WebSocket(url) : new WebSocket(url, { headers } as unknown as string[]),
    });
    this.#sockets.push(socket);
    const listener = new Listener(socket);
    const url = `${this.standin.url.replace('http', 'ws')}/api/v4/websocket`;
    socket.initialize(url, options.challenge ? 'token-of-zeus' : undefined);
    return listener;
  }

  async fault(body: object): Promise<void> {
    await this.admin('POST', '/standin/faults', body);
  }

  async clearFaults(): Promise<void> {
    await this.admin('DELETE', '/standin/faults');
  }

  async admin(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.standin.adminUrl + path, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }
}

/** What one connected client heard. */
export class Listener {
  readonly all: Message[] = [];
  missed = 0;
  closed = 0;
  readonly #socket: mm.WebSocketClient;

  constructor(socket: mm.WebSocketClient) {
    this.#socket = socket;
    socket.addMessageListener((message) => this.all.push(message as unknown as Message));
    socket.addMissedMessageListener(() => {
      this.missed += 1;
    });
    socket.addCloseListener(() => {
      this.closed += 1;
    });
  }

  heard(event: string): Message[] {
    return this.all.filter((message) => message.event === event);
  }

  /** The texts of the posts it heard. */
  get texts(): string[] {
    return this.heard('posted').map((message) => JSON.parse(String(message.data['post'])).message);
  }

  ping(): Promise<Reply> {
    return new Promise((resolve) => this.#socket.sendMessage('ping', {}, (reply: Reply) => resolve(reply)));
  }
}

/** Keeps the client from printing: it has no logger of its own (facts §2.3). Gives back the way to undo it. */
export function muteClient(): () => void {
  const quiet = mock.method(console, 'log', () => undefined);
  return () => quiet.mock.restore();
}
