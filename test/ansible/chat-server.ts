import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** What a scripted Mattermost has; `scripted-mmctl.py` reads and writes the same. */
export interface ChatState {
  readonly users: { id: string; username: string; email: string; roles: string; is_bot?: boolean }[];
  readonly teams: { name: string; delete_at: number; members: string[] }[];
  readonly channels: { team: string; name: string; type: 'O' | 'P'; delete_at: number; members: string[] }[];
  readonly tokens: { id: string; token: string; user: string; description: string }[];
  /** The words of each call of mmctl. */
  readonly calls: string[][];
  /** The commands of mmctl, or `POST /bots`, that fail next, in this order; `after` it was done, the answer is lost. */
  readonly faults: { command: string; when: 'before' | 'after' }[];
}

const EMPTY: ChatState = { users: [], teams: [], channels: [], tokens: [], calls: [], faults: [] };
const MMCTL = path.join(import.meta.dirname, 'scripted-mmctl.py');

/** A Mattermost of which there is what the role speaks to: mmctl, and where the admin and the bots are made. */
export class ScriptedChat implements AsyncDisposable {
  readonly url: string;
  /** The words that stand for mmctl. */
  readonly mmctl: readonly string[];
  readonly #file: string;
  readonly #server: Server;

  private constructor(file: string, server: Server) {
    this.#file = file;
    this.#server = server;
    this.mmctl = ['/usr/bin/python3', '-S', '-E', MMCTL, file];
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(dir: string): Promise<ScriptedChat> {
    const file = path.join(dir, 'chat.json');
    writeFileSync(file, JSON.stringify(EMPTY));
    const server = createServer((request, response) => void chat.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const chat = new ScriptedChat(file, server);
    return chat;
  }

  state(): ChatState {
    return JSON.parse(readFileSync(this.#file, 'utf8'));
  }

  change(edit: (state: ChatState) => void): void {
    const value = this.state();
    edit(value);
    writeFileSync(this.#file, JSON.stringify(value));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const route = `${request.method} ${request.url?.split('?')[0]}`;
    if (route === 'GET /api/v4/system/ping') return answer(200, { status: 'OK', database_status: 'OK' });
    const body = JSON.parse((await text(request)) || '{}');
    if (route === 'POST /api/v4/users') return this.#signUp(body, answer);
    if (route !== 'POST /api/v4/bots') return answer(404, { message: 'no' });
    if (!this.#isAdmin(request)) return answer(401, { message: 'Invalid or expired session.' });
    const lost = this.state().faults[0]?.command === 'POST /bots';
    this.change(({ users, faults }) => {
      users.push({ ...newAccount(body.username, `${body.username}@localhost`), is_bot: true });
      if (lost) faults.shift();
    });
    if (lost) response.destroy();
    else answer(201, { username: body.username });
  }

  #signUp(
    body: Record<'username' | 'email' | 'password', string>,
    answer: (status: number, body: object) => void,
  ): void {
    if (this.state().users.length > 0 || body.password.length < 8) {
      answer(403, { message: 'This server does not allow open signups.' });
      return;
    }
    const account = { ...newAccount(body.username, body.email), roles: 'system_admin system_user' };
    this.change(({ users }) => users.push(account));
    answer(201, {});
  }

  #isAdmin({ headers }: IncomingMessage): boolean {
    const { users, tokens } = this.state();
    const user = tokens.find(({ token }) => headers.authorization === `Bearer ${token}`)?.user;
    return users.some(({ id, roles }) => id === user && roles.includes('system_admin'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function newAccount(username: string, email: string) {
  return { id: randomBytes(13).toString('hex'), username, email, roles: 'system_user' };
}
