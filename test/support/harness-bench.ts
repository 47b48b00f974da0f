import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import { GatewayClient } from '#integrations/openclaw/client.ts';
import {
  createOpenclawHarness,
  type OpenclawHarness,
  type OpenclawHarnessOptions,
} from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import {
  type Behaviour,
  createModelStandin,
  type LoggedRequest,
  type ModelStandin,
} from '../../src/standins/model/server.ts';
import { noteForFailure } from './failure-notes.ts';
import { type Gateway, startGateway } from './openclaw-gateway.ts';
import { tempDir } from './temp-dir.ts';

const MODEL_KEY = 'sk-test-model-key';
const never = new AbortController().signal;

/** A real gateway between a harness and a scripted model. */
export class HarnessBench implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly model: ModelStandin;
  /** Without a warm-up turn, so that the model is asked only by tests. */
  readonly harness: OpenclawHarness;
  readonly #resources: AsyncDisposableStack;
  #lines: string[] = [];

  private constructor(gateway: Gateway, model: ModelStandin, resources: AsyncDisposableStack) {
    this.gateway = gateway;
    this.model = model;
    this.#resources = resources;
    this.harness = this.createHarness();
  }

  static async open(): Promise<HarnessBench> {
    await using resources = new AsyncDisposableStack();
    const { path: dir } = resources.use(await tempDir('openclaw'));
    const keyFile = path.join(dir, 'model-key');
    await writeFile(keyFile, MODEL_KEY, { mode: 0o600 });
    const model = resources.use(await createModelStandin({ keyFile }));
    const gateway = await startGateway({ agent: 'hermes', modelUrl: model.url, modelKey: MODEL_KEY, dir });
    resources.use(gateway);
    const bench = new HarnessBench(gateway, model, resources.move());
    await bench.harness.start(never);
    return bench;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness.stop(never);
    await this.#resources.disposeAsync();
  }

  /** Another harness on the same gateway, not started; the caller stops it. */
  createHarness(more: Partial<OpenclawHarnessOptions> = {}): OpenclawHarness {
    const log = createLogger({
      name: 'test',
      destination: { write: (line: string) => void this.#lines.push(line) },
    });
    const { url, token } = this.gateway;
    const common = { url, token, log, clock: systemClock, warmUpTimeoutMs: 0, probeEveryMs: 200 };
    return createOpenclawHarness({ ...common, ...more });
  }

  /** What the harnesses have logged in this test. */
  get log(): string {
    return this.#lines.join('');
  }

  /** To be called after each test: leaves nothing of it but its log, for its report. */
  tidy(): void {
    noteForFailure('log of the harness', this.log);
    this.#lines = [];
    this.model.clear();
  }

  run(
    turn: Turn,
    by = this.harness,
    onProgress: (progress: TurnProgress) => void = () => undefined,
  ): Promise<TurnOutcome> {
    return by.run(turn, onProgress, never);
  }

  /** What the model does with every call about this turn. */
  script(turn: Turn, behaviour: Behaviour, times = 100): void {
    this.model.script({ match: turn.runId, matchIn: 'any', times, behaviour });
  }

  /** What the gateway has written down of the turn's session. */
  async historyOf(turn: Turn): Promise<unknown> {
    const client = this.createClient();
    try {
      return await client.call('chat.history', { sessionKey: `agent:main:${turn.sessionKey}` }, 5_000, never);
    } finally {
      client.close();
    }
  }

  /** Another client of the gateway; the caller closes it. */
  createClient(): GatewayClient {
    const { url, token } = this.gateway;
    const log = createLogger({ name: 'test', level: 'silent' });
    return new GatewayClient({ url, token, clock: systemClock, log });
  }

  callsOf(turn: Turn): readonly LoggedRequest[] {
    return this.model.requests().filter(({ messages }) => says(messages, turn.runId));
  }
}

/** A turn of a session of its own, whose text no other turn has. */
export function newTurn(text: string, more: Partial<Turn> = {}): Turn {
  const runId = newNonce();
  return {
    runId,
    sessionKey: `olympus:task:${runId}`,
    text: `${text} (${runId})`,
    context: '',
    timeoutMs: 30_000,
    ...more,
  };
}

export function assertAnswered(
  outcome: TurnOutcome,
): asserts outcome is Extract<TurnOutcome, { kind: 'answered' }> {
  assert.equal(outcome.kind, 'answered', JSON.stringify(outcome));
}

export function says(messages: readonly { readonly text: string }[], text: string): boolean {
  return messages.some((message) => message.text.includes(text));
}

let shared: Promise<HarnessBench> | undefined;

/** One bench for all suites that leave it as they found it. Started when first asked for; takes about 8 s. */
export function sharedHarnessBench(): Promise<HarnessBench> {
  shared ??= HarnessBench.open();
  return shared;
}

/** For a suite that cannot leave it as it found it: whoever asks next gets another one. */
export async function discardSharedHarnessBench(): Promise<void> {
  const bench = shared;
  shared = undefined;
  await (await bench?.catch(() => undefined))?.[Symbol.asyncDispose]();
}

// Imported by a test file, this is a root hook: it runs after the last suite, however mocha was started.
after('end the shared bench', async function () {
  this.timeout(60_000);
  await discardSharedHarnessBench();
});
