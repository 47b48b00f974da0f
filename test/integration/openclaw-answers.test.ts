import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TurnProgress } from '#core/harness.ts';
import { TurnOverWebSocket } from '#integrations/openclaw/turn.ts';
import { systemClock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { assertAnswered, type HarnessBench, newTurn, sharedHarnessBench } from '#test/harness-bench.ts';
import { waitFor } from '#test/wait.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the OpenClaw harness', function () {
  this.timeout(120_000);
  let bench: HarnessBench;
  const never = new AbortController().signal;

  before(async function () {
    this.timeout(700_000);
    bench = await sharedHarnessBench();
  });
  afterEach(() => bench.tidy());

  it('is ready once a warm-up turn has gone through', async () => {
    const fresh = bench.createHarness({ warmUpTimeoutMs: 45_000 });
    assert.equal(fresh.health().ready, false);
    await fresh.start(never);
    try {
      await waitFor('the harness to be ready', () => fresh.health().ready, { timeoutMs: 45_000 });

      const asked = bench.model.requests().flatMap(({ messages }) => messages.map(({ text }) => text));
      assert.ok(asked.some((text) => text.includes('single word OK')));
    } finally {
      await fresh.stop(never);
    }
  });

  it('is not ready, and says why, when the gateway refuses its token', async () => {
    const stranger = bench.createHarness({ token: 'not-the-token', warmUpTimeoutMs: 30_000 });
    await stranger.start(never);
    try {
      const refused = (): boolean => /refuses us: .*token/.test(JSON.stringify(stranger.health()));
      await waitFor('the refusal to show', refused, { timeoutMs: 30_000 });

      assert.doesNotMatch(JSON.stringify(stranger.health()) + bench.log, /not-the-token/);
    } finally {
      await stranger.stop(never);
    }
  });

  it('answers with what SOUL.md and the context of the turn made of the prompt, and counts its use', async () => {
    const soul = `nonce:${newNonce()}`;
    const context = `nonce:${newNonce()}`;
    await writeFile(path.join(bench.gateway.workspaceDir, 'SOUL.md'), `You are hermes. ${soul}\n`);
    const turn = newTurn('who are you?', { context: `Today is a test. ${context}` });
    const kinds = new Set<string>();

    const outcome = await bench.run(turn, bench.harness, ({ kind }) => kinds.add(kind));

    assertAnswered(outcome);
    assert.match(outcome.text, new RegExp(`seen ${sha256(soul)}`));
    assert.match(outcome.text, new RegExp(`seen ${sha256(context)}`));
    assert.match(outcome.text, new RegExp(`prompt-digest: ${bench.callsOf(turn)[0]?.digest}`));
    assert.equal(outcome.usage.modelCalls, 1);
    assert.ok(outcome.usage.inputTokens > 1_000 && outcome.usage.costMicros > 1_000);
    assert.equal(outcome.usage.model, 'scripted-1');
    assert.deepEqual([...kinds], ['started', 'text']);
  });

  it('remembers the session in the next turn', async () => {
    const first = newTurn('my name is Ada');
    const second = newTurn('what is my name?', { sessionKey: first.sessionKey });

    await bench.run(first);
    await bench.run(second);

    const heard = bench.callsOf(second)[0]?.messages.map(({ text }) => text) ?? [];
    assert.match(heard.join('\n'), new RegExp(first.runId));
  });

  it('runs a run that is asked for twice once', async () => {
    const turn = newTurn('once');

    const [first, second] = [await bench.run(turn), await bench.run(turn)];

    assert.deepEqual(second, first);
    assert.equal(bench.callsOf(turn).length, 1);
  });

  it('tells of tools as proven work', async () => {
    const turn = newTurn('look around');
    bench.script(turn, { kind: 'tool', name: 'exec', args: { command: 'echo here' } }, 1);
    const progress: TurnProgress[] = [];

    const outcome = await bench.run(turn, bench.harness, (step) => progress.push(step));

    assertAnswered(outcome);
    assert.ok(progress.some(({ kind, detail }) => kind === 'tool' && detail === 'exec'));
    assert.equal(outcome.usage.modelCalls, 2);
  });

  it('takes up a turn that an earlier process started', async () => {
    const turn = newTurn('a long piece of work');
    bench.script(turn, { kind: 'hold', text: 'done' }, 1);
    const earlier = bench.createHarness();
    await earlier.start(never);
    const process = new AbortController();
    const lost = earlier.run(turn, () => undefined, process.signal);
    await waitFor('the model to be asked', () => bench.callsOf(turn).length === 1, { timeoutMs: 45_000 });
    process.abort(new Error('the process is gone'));
    await assert.rejects(lost, /the process is gone/);
    await earlier.stop(never);

    const outcome = bench.run(turn);
    // Longer than the new harness takes to see the turn at work: a turn that ends while it looks is another story.
    for (let times = 0; times < 3; times++) await bench.historyOf(turn);
    await waitFor('the model to be released', () => bench.model.release(turn.runId) > 0);

    const answered = await outcome;
    assertAnswered(answered);
    assert.equal(answered.text, 'done');
    assert.equal(answered.usage.modelCalls, 1);
    assert.equal(bench.callsOf(turn).length, 1);
  });

  it('finds a turn that has written more than one page of history', async () => {
    const turn = newTurn('go a long way', { timeoutMs: 220_000 });
    const steps = 110;
    for (let step = 1; step <= steps; step += 1) {
      const behaviour = { kind: 'tool', name: 'exec', args: { command: `echo step ${step}` } } as const;
      bench.script(turn, behaviour, 1);
    }
    bench.script(turn, { kind: 'answer', text: 'there' }, 1);
    assertAnswered(await bench.run(turn));
    const client = bench.createClient();
    const key = `agent:main:${turn.sessionKey}`;
    const log = createLogger({ name: 'test', level: 'silent' });
    const context = { clock: systemClock, log, resumeGraceMs: 0 };
    const seen = new TurnOverWebSocket(context, turn, key, () => undefined);

    const trace = await seen.look(await client.connect(never), never);

    client.close();
    assert.ok(trace.kind === 'finished' && trace.outcome.kind === 'answered', JSON.stringify(trace));
    assert.equal(trace.outcome.text, 'there');
    assert.equal(trace.outcome.usage.modelCalls, steps + 1);
  }).timeout(240_000);

  it('queues a second turn of the same session behind the first', async () => {
    const first = newTurn('first');
    const second = newTurn('second', { sessionKey: first.sessionKey });
    bench.script(first, { kind: 'hold' }, 1);
    const [one, two] = [bench.run(first), bench.run(second)];
    await waitFor('the model to be asked', () => bench.callsOf(first).length === 1, { timeoutMs: 45_000 });

    bench.model.release();

    assertAnswered(await one);
    assertAnswered(await two);
    assert.deepEqual(
      [...bench.callsOf(first), ...bench.callsOf(second)].map(({ outcome }) => outcome === 'done'),
      [true, true, true],
    );
  });
});
