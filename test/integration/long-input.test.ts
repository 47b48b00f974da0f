import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { ApiError, TaskDetail, TaskView } from '#core/api.ts';
import { artifactBucket } from '#core/streams.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import type { JournaledRun } from '../../src/agent/journal/run-store.ts';
import { longInput, type WithInput } from '../../src/agent/parts/long-input.ts';

const FLEET = 'f1';
const AGENTS = { athena: 'athena-is-herself-and-no-more', apollo: 'apollo-is-himself-and-no-more' };
const ADA = { name: 'ada', token: 'ada-asks-for-tasks-and-reads', scopes: ['read', 'work'] };
const { signal } = new AbortController();

describe('a text that does not fit into a message', () => {
  let dir: TempDir;
  let control: ControlOnBus;
  let athena: BusClient;
  let journal: Journal;

  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('long-input');
    const file = path.join(dir.path, 'tokens.json');
    await writeFile(file, apiTokensText([ADA], AGENTS), { mode: 0o600 });
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_API_TOKENS_FILE: file });
    athena = await control.connect('athena');
    const beat = JSON.stringify(heartbeatOf('athena', { concurrency: 100 }));
    await athena.request(`${FLEET}.heartbeat.athena`, beat);
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
    journal = new Journal({ stateDir: path.join(dir.path, 'journal'), clock: systemClock });
  });
  after(async () => {
    await journal?.stop();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const cli = (args: readonly string[], input = '') =>
    new CliCaller(control.stateDir).run(
      args,
      { OLYMPUS_API_URL: control.url, OLYMPUS_API_TOKEN: ADA.token, OLYMPUS_API_USER: 'ada' },
      input,
    );
  async function asked(text: string): Promise<TaskDetail> {
    const { code, stdout, stderr } = await cli(['task', 'create', 'athena', '-', '--json'], text);
    assert.equal(code, 0, stderr);
    return detailOf((JSON.parse(stdout) as TaskView).id);
  }
  const detailOf = async (id: string): Promise<TaskDetail> =>
    (await control.api<TaskDetail>('GET', `/v1/tasks/${id}`)).body;

  /** The run of a task, as the daemon of its agent has it from the bus. */
  async function runOf(task: TaskDetail): Promise<JournaledRun> {
    const [run] = task.runs;
    assert.ok(run, 'it was released');
    const { subject, body } = await messageOf(run.id);
    assert.ok(subject.endsWith(`.athena.${run.id}`));
    const dispatch = JSON.parse(body).data;
    return {
      runId: run.id,
      state: 'running',
      dispatch,
      nonce: 'n',
      claimedAt: Date.now(),
      startedAt: Date.now(),
      finishedAt: undefined,
    };
  }
  async function messageOf(runId: string): Promise<{ subject: string; body: string }> {
    await using bus = await control.connect('control');
    const manager = await jetstreamManager(bus.connection, { checkAPI: false });
    const stored = await waitFor('its message to be on the bus', () =>
      manager.streams.getMessage('ROUNDTABLE_TASKS', {
        last_by_subj: `${FLEET}.tasks.planning.athena.${runId}`,
      }),
    );
    return { subject: stored.subject, body: stored.string() };
  }
  /** What its daemon gets, with this token and at this address. */
  function given(
    run: JournaledRun,
    api: Partial<{ url: string; token: string }> = {},
    onWait = () => undefined,
  ) {
    const bring = longInput({
      api: { url: control.url, token: AGENTS.athena, ...api },
      journal,
      log: createLogger({ name: 'test', level: 'silent' }),
      clock: systemClock,
    });
    return bring(run, onWait, signal);
  }
  const endOf = (got: WithInput): string => {
    assert.equal(got.kind, 'ended');
    assert.equal(got.outcome.kind, 'failed');
    return `${got.outcome.failure}: ${got.outcome.message}`;
  };

  it('is an artifact, of which the task has the beginning, and its agent alone is given all', async () => {
    const text = `Read this to its end. ${'ä line of it\n'.repeat(20_000)}And that was the end.`;
    const task = await asked(text);

    assert.ok(task.textArtifact && task.textArtifact.bytes === Buffer.byteLength(text));
    assert.ok(task.text.startsWith(text.slice(0, 12_000)));
    assert.ok(task.text.endsWith(`\`olympus artifact get ${task.textArtifact.digest}\`.)`));
    const run = await runOf(task);
    assert.ok(JSON.stringify(run.dispatch).length < 20_000, 'its message is short');

    const got = await given(run);
    assert.ok(got.kind === 'there');
    assert.equal(got.run.dispatch.input.text, text);
    assert.match(
      endOf(await given(run, { token: AGENTS.apollo })),
      /^input_unavailable: .*no run \S+ of apollo/,
    );
    const shown = await cli(['task', 'show', task.id]);
    assert.match(shown.stdout, /This is the beginning; the text has \d{6} bytes/);
    assert.equal((await cli(['artifact', 'get', task.textArtifact.digest])).stdout, `${text}\n`);
  });

  it('of many bytes and few characters is one, too', async () => {
    const text = '🦉'.repeat(20_000);
    const task = await asked(text);

    const got = await given(await runOf(task));
    assert.ok(got.kind === 'there' && got.run.dispatch.input.text === text);
  });

  it('is the same task when it is asked again with the same key, and another with another text', async () => {
    const create = (text: string) => cli(['task', 'create', 'athena', '-', '--key', 'k1'], text);
    const first = await create('a'.repeat(100_000));
    assert.equal((await create('a'.repeat(100_000))).stdout, first.stdout);
    assert.match((await create(`${'a'.repeat(100_000)}b`)).stderr, /used for another task/);
  });

  it('is given once control is back, when it was away', async () => {
    const text = `once control is back ${'x'.repeat(70_000)}`;
    const run = await runOf(await asked(text));
    await control.kill();
    const { promise: waited, resolve } = Promise.withResolvers<undefined>();
    const giving = given(run, {}, () => void resolve(undefined) as undefined);
    await waited;
    await control.start();

    const got = await giving;
    assert.ok(got.kind === 'there' && got.run.dispatch.input.text === text);
  });

  it('is not waited for when the run is cancelled, or its time is over', async () => {
    const run = await runOf(await asked(`cancelled ${'x'.repeat(70_000)}`));
    const away = { url: 'http://127.0.0.1:9' };
    const late = { ...run, startedAt: Date.now() - run.dispatch.startToCloseMs };
    assert.match(endOf(await given(late, away)), /^timeout_run: /);
    await journal.transaction(() => journal.runs.cancel(run.runId));
    assert.match(endOf(await given(run, away)), /^cancelled: /);
  });

  it('that is too old to be kept ends its run with a sentence', async () => {
    const task = await asked(`too old ${'x'.repeat(70_000)}`);
    await using bus = await control.connect('control');
    const manager = await jetstreamManager(bus.connection, { checkAPI: false });
    await manager.streams.purge(`OBJ_${artifactBucket}`);

    assert.match(
      endOf(await given(await runOf(task))),
      /^input_unavailable: the text of task \S+ is not there any more: artifacts are kept for 30 days/,
    );
  });

  it("is refused where it is no text, is nobody's, or is given in two ways", async () => {
    const create = (body: object) =>
      control.api<ApiError>('POST', '/v1/tasks', { agent: 'athena', by: 'ada', ...body });
    const unknown = `sha256:${'0'.repeat(64)}`;
    assert.match(
      (await create({ textArtifact: unknown })).body.message,
      /no artifact sha256:0+ of person\/ada: send/,
    );
    assert.match((await create({ textArtifact: unknown, text: 'x' })).body.message, /either text or/);
    assert.match((await create({})).body.message, /either text or/);
    const held = { textArtifact: unknown, debounce: { key: 'k', windowMs: 1000 } };
    assert.match((await create(held)).body.message, /leave debounce out/);

    for (const [body, sentence] of [
      [new Uint8Array([0xff, 0xfe, 0xfd]), /is not text in UTF-8/],
      [new TextEncoder().encode(' \n'.repeat(70_000)), /is blank: nothing is asked/],
    ] as const) {
      const put = await fetch(`${control.url}/v1/artifacts?by=ada`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${control.token}` },
        body,
      });
      const { digest } = (await put.json()) as { digest: string };
      const refused = await create({ textArtifact: digest });
      assert.equal(refused.status, 422);
      assert.match(refused.body.message, sentence);
    }
    const endless = await cli(['task', 'create', 'athena', '-'], 'x'.repeat(8 * 1024 * 1024 + 1));
    assert.equal(endless.code, 1);
    assert.match(endless.stderr, /8388609 bytes, and one may have 8388608[\s\S]*Shorten it/);
  });
});
