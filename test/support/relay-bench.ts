import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type LabNames, labNames } from '#lab/lab-names.ts';
import { createAgents } from '#lab/relay/forward.ts';
import { modelKeysFile, writeModelKeys } from '#lab/relay/model-keys.ts';
import { ModelRelay, type ModelRelayOptions } from '#lab/relay/model-relay.ts';
import { chooseProvider } from '#lab/relay/provider.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type TempDir, tempDir } from './temp-dir.ts';

export const PROVIDER_KEY = 'sk-of-the-provider';
export const AGENT_KEY = 'virtual-key-of-athena';

/** What an agent shows in either format. */
export const openai = { authorization: `Bearer ${AGENT_KEY}` };
export const anthropic = { 'x-api-key': AGENT_KEY, 'anthropic-version': '2023-06-01' };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The lab's model relay, and behind it a provider that answers as a test says. */
export class RelayBench implements AsyncDisposable {
  readonly names: LabNames;
  /** What has reached the provider. */
  readonly seen: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  answer: Answer = (_request, response) => response.end('{}');
  logged = '';
  readonly #dir: TempDir;
  readonly #provider: Server;
  #relay: ModelRelay | undefined;

  private constructor(dir: TempDir) {
    this.#dir = dir;
    this.names = labNames(path.join(dir.path, 'state'));
    this.#provider = createServer(async (incoming, response) => {
      const body = await text(incoming).catch(() => 'cut off');
      this.seen.push({ url: incoming.url ?? '', headers: incoming.headers, body });
      this.answer(incoming, response);
    });
  }

  static async open(): Promise<RelayBench> {
    const bench = new RelayBench(await tempDir('relay'));
    bench.#provider.listen(0, '127.0.0.1');
    await once(bench.#provider, 'listening');
    await bench.start();
    return bench;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#relay?.port}`;
  }

  /** Starts the relay, or another one in its place. */
  async start(
    changes: Partial<ModelRelayOptions> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.#relay?.stop();
    writeModelKeys(this.names, { athena: AGENT_KEY });
    const url = `http://127.0.0.1:${(this.#provider.address() as AddressInfo).port}`;
    const provider = chooseProvider({
      OPENAI_API_KEY: PROVIDER_KEY,
      OPENAI_BASE_URL: `${url}/openai/v1`,
      ANTHROPIC_API_KEY: PROVIDER_KEY,
      ANTHROPIC_BASE_URL: `${url}/anthropic`,
      ...env,
    });
    assert.ok(provider);
    const destination = new Writable({
      write: (chunk, _encoding, done) => {
        this.logged += chunk;
        done();
      },
    });
    this.#relay = new ModelRelay({
      listen: { host: '127.0.0.1', port: 0 },
      provider,
      keysFile: modelKeysFile(this.names),
      agents: createAgents({}),
      log: createLogger({ name: 'relay', destination }),
      clock: systemClock,
      ...changes,
    });
    await this.#relay.start();
  }

  /** A call as an agent makes it. */
  call(at: string, headers: Record<string, string>, body = '{"model":"m"}'): Promise<Response> {
    const withType = { 'content-type': 'application/json', ...headers };
    return fetch(`${this.url}${at}`, { method: 'POST', headers: withType, body });
  }

  /** The status that a large body is answered with, while it is still being sent. */
  post(body: Buffer, headers: Record<string, number>): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const outgoing = request(`${this.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...openai, ...headers },
      agent: false,
    });
    outgoing.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay?.stop();
    this.#provider.closeAllConnections();
    this.#provider.close();
    await this.#dir[Symbol.asyncDispose]();
  }
}
