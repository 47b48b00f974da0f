import assert from 'node:assert/strict';
import type { Harness, Turn, TurnOutcome, TurnProgress } from '#core/harness.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { BusEffect } from '../../src/agent/journal/outbox-store.ts';
import type { JournaledRun } from '../../src/agent/journal/run-store.ts';
import { RunReports } from '../../src/agent/parts/run-reports.ts';
import { Ladder } from '../../src/agent/stuck/ladder.ts';

const LIMITS = { silentMs: 600_000, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };
const RUN = 'run-1';
const SPENT = { ...noUsage, modelCalls: 4 };
const never = new AbortController().signal;
const log = createLogger({ name: 'test', level: 'silent' });

/** What a turn does: goes round in circles until it is ended, or answers. */
type Doing = 'circles' | 'answers' | 'waits';

describe('the ladder of a run that goes round in circles', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('ladder');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    await journal.transaction(() => {
      journal.runs.claim(DISPATCH, 'nonce');
      journal.runs.advance(RUN, 'start');
    });
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  it('tells it, begins anew in another session with what was tried, and gives it up', async () => {
    const harness = new ScriptedHarness({ otherwise: 'circles' });

    const outcome = await ladder(harness).climb(run(), () => undefined, never);

    assert.equal(outcome.kind === 'failed' && outcome.failure, 'stuck_loop');
    assert.equal(outcome.usage.modelCalls, 12, 'of all three turns');
    assert.deepEqual(
      harness.turns.map(({ runId, sessionKey }) => [runId, sessionKey]),
      [
        [RUN, 'olympus:conv:1'],
        ['run-1-nudged', 'olympus:conv:1'],
        ['run-1-afresh', 'olympus:conv:1:run-1'],
      ],
    );
    assert.equal(harness.turns[0]?.text, 'find it');
    assert.match(harness.turns[1]?.text ?? '', /you repeat the same steps/);
    assert.match(harness.turns[2]?.text ?? '', /^find it\n.*- exec ls \/nowhere/s);
    assert.deepEqual(
      (await told()).map((detail) => /it (was interrupted|begins anew|was given up)/.exec(detail)?.[1]),
      ['was interrupted', 'begins anew', 'was given up'],
    );
  });

  it('is left as soon as the run gets on', async () => {
    const harness = new ScriptedHarness({ [RUN]: 'circles', otherwise: 'answers' });

    const outcome = await ladder(harness).climb(run(), () => undefined, never);

    assert.equal(outcome.kind, 'answered');
    assert.equal(outcome.usage.modelCalls, 8);
    assert.equal((await told()).length, 1);
  });

  it('writes a rung down before it touches the turn, and a process that finds it climbs no further for it', async () => {
    const killed = new ScriptedHarness({ otherwise: 'circles' });
    const levels: number[] = [];
    killed.onAbort = async () => void levels.push(journal.rungs.of(RUN).level);
    const dying = new AbortController();
    killed.onRun = async ({ runId }) => {
      if (runId !== RUN) dying.abort(new Error('killed'));
    };
    await assert.rejects(
      ladder(killed).climb(run(), () => undefined, dying.signal),
      /killed/,
    );
    assert.deepEqual(levels, [1]);

    const next = new ScriptedHarness({ [RUN]: 'waits', otherwise: 'answers' });
    const outcome = await ladder(next).climb(run(), () => undefined, never);

    assert.equal(outcome.kind, 'answered');
    assert.deepEqual(next.aborted, [RUN], 'the turn before, which still ran, was ended');
    assert.deepEqual(
      next.turns.map(({ runId }) => runId),
      [RUN, 'run-1-nudged'],
    );
    assert.equal((await told()).length, 1);
  });

  it('takes the answer of a turn that came while it was being ended', async () => {
    const harness = new ScriptedHarness({ otherwise: 'circles' });
    harness.outcomeOfAbort = { kind: 'answered', text: 'there', usage: SPENT, sessionKey: 'k' };

    const outcome = await ladder(harness).climb(run(), () => undefined, never);

    assert.equal(outcome.kind === 'answered' && outcome.text, 'there');
    assert.equal(harness.turns.length, 1);
  });

  it('begins no other turn of a run that is left to another daemon meanwhile', async () => {
    const harness = new ScriptedHarness({ otherwise: 'circles' });
    harness.onAbort = async () =>
      void (await journal.transaction(() => journal.runs.advance(RUN, 'abandon')));

    await ladder(harness).climb(run(), () => undefined, never);

    assert.equal(harness.turns.length, 1);
  });

  it('does not climb for a run that is cancelled', async () => {
    const harness = new ScriptedHarness({ otherwise: 'waits' });
    const climber = ladder(harness);
    harness.onRun = async () => {
      await journal.transaction(() => journal.runs.cancel(RUN));
      void climber.abort(RUN, never);
    };

    const outcome = await climber.climb(run(), () => undefined, never);

    assert.equal(outcome.kind === 'failed' && outcome.failure, 'cancelled');
    assert.deepEqual(await told(), []);
  });

  function ladder(harness: Harness): Ladder {
    const reports = new RunReports({
      fleet: 'f1',
      agent: 'athena',
      subjects: subjectsOf('f1'),
      journal,
      clock: systemClock,
    });
    const onAdded = (): void => undefined;
    const howToAsk = (): string => '';
    return new Ladder({
      journal,
      reports,
      harness,
      howToAsk,
      limits: LIMITS,
      onAdded,
      log,
      clock: systemClock,
    });
  }

  function run(): JournaledRun {
    const found = journal.runs.get(RUN);
    assert.ok(found);
    return found;
  }

  /** Takes what was put into the outbox for people to read, in order. */
  async function told(): Promise<string[]> {
    const source = journal.outbox.source('bus');
    const details: string[] = [];
    for (let [entry] = await source.next(1, []); entry; [entry] = await source.next(1, [])) {
      details.push(String(JSON.parse(BusEffect.parse(entry.payload).body).data.detail));
      await source.done([entry.id]);
    }
    return details;
  }
});

class ScriptedHarness implements Harness {
  readonly turns: Turn[] = [];
  readonly aborted: string[] = [];
  onRun: (turn: Turn) => Promise<void> = async () => undefined;
  onAbort: () => Promise<void> = async () => undefined;
  outcomeOfAbort: TurnOutcome = { kind: 'failed', failure: 'cancelled', message: '', usage: SPENT };
  readonly #script: Readonly<Record<string, Doing>>;
  readonly #waiting = new Map<string, (outcome: TurnOutcome) => void>();

  constructor(script: Readonly<Record<string, Doing>>) {
    this.#script = script;
  }

  health() {
    return { ready: true } as const;
  }

  async run(turn: Turn, onProgress: (progress: TurnProgress) => void, signal: AbortSignal) {
    this.turns.push(turn);
    const ended = Promise.withResolvers<TurnOutcome>();
    signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true });
    this.#waiting.set(turn.runId, ended.resolve);
    await this.onRun(turn);
    signal.throwIfAborted();
    const doing = this.#script[turn.runId] ?? this.#script['otherwise'];
    if (doing === 'answers')
      return { kind: 'answered', text: 'done', usage: SPENT, sessionKey: 'k' } as const;
    if (doing === 'circles') queueMicrotask(() => circle(onProgress));
    return ended.promise;
  }

  async abort(runId: string): Promise<void> {
    this.aborted.push(runId);
    await this.onAbort();
    this.#waiting.get(runId)?.(this.outcomeOfAbort);
  }
}

function circle(onProgress: (progress: TurnProgress) => void): void {
  const step = { tool: 'exec', args: 'a', result: 'r', failed: true, shown: 'ls /nowhere' };
  for (let times = 0; times < 5; times += 1) {
    onProgress({ kind: 'tool', detail: 'exec' });
    onProgress({ kind: 'step', step });
  }
}

const DISPATCH: TaskDispatch['data'] = {
  taskId: 't-1',
  runId: RUN,
  attempt: 1,
  epoch: 1,
  agent: 'athena',
  domain: 'planning',
  deadline: new Date(Date.now() + 600_000).toISOString(),
  startToCloseMs: 600_000,
  input: { text: 'find it', requester: 'ada' },
  session: { key: 'olympus:conv:1' },
};
