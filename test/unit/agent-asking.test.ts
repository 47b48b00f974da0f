import assert from 'node:assert/strict';
import type { SocketReply, SocketRequest } from '#core/action-socket.ts';
import type { TurnOutcome } from '#core/harness.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import { createLogger } from '#lib/log.ts';
import { released } from '#test/agent-work.ts';
import { ManualClock, settle } from '#test/manual-clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Asking } from '../../src/agent/actions/asking.ts';
import { isToPark, isWaiting } from '../../src/agent/actions/parking.ts';
import type { Decided } from '../../src/agent/journal/ask-store.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

const MINUTE = 60_000;
const NEVER = new AbortController().signal;
const ANSWERED: TurnOutcome = { kind: 'answered', text: 'done', usage: noUsage, sessionKey: 's' };
const OVERLOADED: TurnOutcome = { kind: 'failed', failure: 'model_overloaded', message: '', usage: noUsage };
const ENDED: TurnOutcome = { kind: 'failed', failure: 'cancelled', message: '', usage: noUsage };
const QUESTION: SocketRequest = { ask: 'question', task: 't-1', question: { text: 'Which colour?' } };
const COLLEAGUE: SocketRequest = { ask: 'agent', task: 't-1', agent: 'perseus', text: 'Well?' };
const DEPLOY: SocketRequest = {
  ask: 'approval',
  task: 't-1',
  action: { kind: 'deploy.production', target: 'web-1', params: { version: 1 } },
  summary: 'put it there',
};

describe('what a daemon asks for its turns', () => {
  let dir: TempDir;
  let clock: ManualClock;
  let journal: Journal;
  let asking: Asking;
  /** The runs that were to be ended. */
  let aborted: string[];
  /** Whether this daemon has taken up the runs that its journal has open. */
  let isBack: boolean;

  beforeEach(async () => {
    dir = await tempDir('asking');
    clock = new ManualClock();
    await start();
  });
  afterEach(async () => {
    await end();
    await dir[Symbol.asyncDispose]();
  });

  /** A daemon as it is after its start, on whatever a former one left. */
  async function start(): Promise<void> {
    journal = new Journal({ stateDir: dir.path, clock });
    aborted = [];
    isBack = true;
    const ladder = { abort: async (runId: string) => void aborted.push(runId) };
    asking = new Asking({
      fleet: 'f1',
      agent: 'athena',
      subjects: subjectsOf('f1'),
      journal,
      runIds: () => (isBack ? journal.runs.open().map(({ runId }) => runId) : []),
      ladder,
      waitMs: 5 * MINUTE,
      expiresInMs: 60 * MINUTE,
      onAdded: () => undefined,
      log: createLogger({ name: 'test', level: 'silent' }),
      clock,
    });
    await asking.start();
  }
  async function end(): Promise<void> {
    await asking.stop();
    await journal.stop();
  }
  function run(runId: string, taskId = 't-1'): void {
    const deadline = new Date(clock.now() + 60 * MINUTE).toISOString();
    const { dispatch } = released(runId, { taskId, deadline });
    journal.runs.claim(dispatch, 'nonce');
    journal.runs.advance(runId, 'start');
  }
  const asked = (runId: string) => waitFor('it to be written down', () => journal.asks.ofRun(runId)[0]);
  /** What control says, as the deliveries take it. */
  function decide(runId: string, decision: Pick<Decided, 'state' | 'by' | 'why' | 'answer'>): boolean {
    const ask = journal.asks.ofRun(runId)[0];
    assert.ok(ask);
    const { key, hash } = ask;
    const isNew = journal.asks.decide({
      decisionId: 'd',
      agent: 'athena',
      taskId: 't-1',
      runId,
      key,
      hash,
      ...decision,
    });
    asking.decided(key);
    return isNew;
  }

  it('is asked while its daemon, back after a crash, has not taken up the run yet', async () => {
    run('r-1');
    isBack = false;

    const reply = asking.ask(QUESTION, NEVER);
    await asked('r-1');
    decide('r-1', { state: 'answered', by: 'ada', answer: 'teal' });

    assert.deepEqual(await reply, { kind: 'decided', state: 'answered', by: 'ada', answer: 'teal' });
  });

  it('asks another agent as it asks people, and what it does not answer holds for the task', async () => {
    run('r-1');
    const reply = asking.ask(COLLEAGUE, NEVER);
    await asked('r-1');
    decide('r-1', { state: 'unanswered', by: 'perseus', why: 'It failed.' });

    const told = { kind: 'decided', state: 'unanswered', by: 'perseus', why: 'It failed.' };
    assert.deepEqual(await reply, told);
    run('r-2');
    assert.deepEqual(await asking.ask(COLLEAGUE, NEVER), told);
  });

  it('is asked once however often, also over a crash, and answered to everybody who waits', async () => {
    run('r-1');
    const first = asking.ask(QUESTION, NEVER);
    const second = asking.ask(QUESTION, NEVER);
    await asked('r-1');
    assert.equal(journal.outbox.pending('bus'), 1);
    await settle();

    assert.equal(decide('r-1', { state: 'answered', by: 'ada', answer: 'teal' }), true);
    assert.equal(decide('r-1', { state: 'answered', by: 'eve', answer: 'rust' }), false, 'the first holds');

    const reply: SocketReply = { kind: 'decided', state: 'answered', by: 'ada', answer: 'teal' };
    assert.deepEqual([await first, await second], [reply, reply]);
    await end();
    await start();
    assert.deepEqual(await asking.ask(QUESTION, NEVER), reply);
    assert.equal(journal.outbox.pending('bus'), 1);
  });

  it('waits five minutes from the first time it was asked, then parks the run', async () => {
    run('r-1');
    const gone = new AbortController();
    const lost = asking.ask(DEPLOY, gone.signal);
    await asked('r-1');
    assert.equal(isWaiting(journal, 'r-1'), true);
    await clock.advance(3 * MINUTE);
    gone.abort(new Error('the daemon is killed'));
    await assert.rejects(lost, /killed/);
    await end();
    await start();

    const again = asking.ask(DEPLOY, NEVER);
    await clock.advance(2 * MINUTE - 1);
    assert.equal(journal.asks.ofRun('r-1')[0]?.parkedAt, undefined);
    await clock.advance(1000);

    assert.deepEqual(await again, { kind: 'parked' });
    assert.equal(isWaiting(journal, 'r-1'), false);
    assert.deepEqual(await asking.ask(DEPLOY, NEVER), { kind: 'parked' }, 'and says so again');
    for (const outcome of [ANSWERED, OVERLOADED, ENDED])
      assert.equal(isToPark(journal, 'r-1', outcome), true);
    decide('r-1', { state: 'approved' });
    assert.equal(isToPark(journal, 'r-1', ANSWERED), true, 'its turn does not know of the decision');
    for (const request of [DEPLOY, QUESTION]) {
      assert.deepEqual(
        await asking.ask(request, NEVER),
        { kind: 'parked' },
        'nor shall it: the next run does it',
      );
    }
  });

  it('ends a turn that was told to end and goes on', async () => {
    run('r-1');
    const reply = asking.ask(DEPLOY, NEVER);
    await asked('r-1');
    await clock.advance(5 * MINUTE);
    assert.deepEqual(await reply, { kind: 'parked' });
    assert.deepEqual(aborted, []);

    await clock.advance(MINUTE);

    assert.deepEqual([...new Set(aborted)], ['r-1']);
  });

  it('parks a run whose turn ends with something still to be decided, and no other', async () => {
    run('r-1');
    assert.equal(isToPark(journal, 'r-1', ANSWERED), false);
    const gone = new AbortController();
    const reply = asking.ask(DEPLOY, gone.signal).catch(() => undefined);
    await asked('r-1');

    assert.equal(isToPark(journal, 'r-1', ANSWERED), true);
    assert.equal(isToPark(journal, 'r-1', OVERLOADED), false, 'it is tried again, and asks the same again');
    journal.runs.cancel('r-1');
    assert.equal(isToPark(journal, 'r-1', ANSWERED), false, 'cancelled is over');
    gone.abort();
    await reply;
  });

  it('holds what was decided for later runs of the task, but asks again what control has refused', async () => {
    run('r-1');
    const first = asking.ask(DEPLOY, NEVER);
    await asked('r-1');
    decide('r-1', { state: 'refused', why: 'that run is over' });
    assert.deepEqual(await first, { kind: 'refused', sentence: 'that run is over' });
    journal.runs.advance('r-1', 'finish');

    run('r-2');
    const second = asking.ask(DEPLOY, NEVER);
    await asked('r-2');
    assert.equal(journal.outbox.pending('bus'), 2);
    decide('r-2', { state: 'denied', by: 'ada', why: 'no' });
    assert.deepEqual(await second, { kind: 'decided', state: 'denied', by: 'ada', why: 'no' });
    journal.runs.advance('r-2', 'park');
    journal.runs.advance('r-2', 'publish');

    run('r-3');
    assert.deepEqual(await asking.ask(DEPLOY, NEVER), {
      kind: 'decided',
      state: 'denied',
      by: 'ada',
      why: 'no',
    });
  });

  it('asks again what was withdrawn when the task was given up, whenever that is heard', async () => {
    run('r-1');
    const first = asking.ask(DEPLOY, NEVER);
    await asked('r-1');
    decide('r-1', { state: 'withdrawn', why: 'its task has ended' });
    await first;
    journal.runs.advance('r-1', 'finish');

    run('r-2');
    const second = asking.ask(DEPLOY, NEVER);
    const { key, hash } = await asked('r-2');
    assert.equal(journal.outbox.pending('bus'), 2);
    const late = { decisionId: 'd', agent: 'athena', taskId: 't-1', runId: 'r-1', key, hash };
    assert.equal(journal.asks.decide({ ...late, state: 'withdrawn' }), false);
    decide('r-2', { state: 'denied', by: 'ada', why: 'no' });
    assert.deepEqual(await second, { kind: 'decided', state: 'denied', by: 'ada', why: 'no' });
  });

  it('takes no decision for anything but what was asked', async () => {
    run('r-1');
    const gone = new AbortController();
    const reply = asking.ask(DEPLOY, gone.signal).catch(() => undefined);
    const ask = await asked('r-1');
    const told = {
      decisionId: 'd',
      agent: 'athena',
      taskId: 't-1',
      runId: 'r-1',
      state: 'approved',
    } as const;

    assert.equal(
      journal.asks.decide({ ...told, key: ask.key, hash: '0'.repeat(64) }),
      false,
      'another action',
    );
    assert.equal(journal.asks.decide({ ...told, key: ask.key }), false, 'no action');
    assert.equal(journal.asks.decide({ ...told, key: 'another', hash: ask.hash }), false, 'never asked');

    assert.equal(journal.asks.get(ask.key)?.decision, undefined);
    gone.abort();
    await reply;
  });

  it('refuses what no run under way asks, and a run that asks without end', async () => {
    const other = await asking.ask(DEPLOY, NEVER);
    assert.match(other.kind === 'refused' ? other.sentence : '', /no run of task t-1 is under way/);
    run('r-1');
    const gone = new AbortController();
    const waiting = Array.from({ length: 20 }, (_, version) => {
      const action = { ...DEPLOY.action, params: { version } };
      return asking.ask({ ...DEPLOY, action }, gone.signal).catch(() => undefined);
    });
    await waitFor('all of them', () => journal.asks.ofRun('r-1').length === 20);

    const more = await asking.ask(QUESTION, NEVER);

    assert.match(more.kind === 'refused' ? more.sentence : '', /has asked 20 times already/);
    gone.abort();
    await Promise.all(waiting);
  });
});
