import assert from 'node:assert/strict';
import type { TurnOutcome, WantedCommand } from '#core/harness.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import { createLogger } from '#lib/log.ts';
import { released } from '#test/agent-work.ts';
import { ManualClock } from '#test/manual-clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Asking } from '../../src/agent/actions/asking.ts';
import { AskingGate } from '../../src/agent/actions/command-gate.ts';
import { isToPark } from '../../src/agent/actions/parking.ts';
import type { JournaledAsk } from '../../src/agent/journal/ask-store.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import type { RunReports } from '../../src/agent/parts/run-reports.ts';

const MINUTE = 60_000;
const NEVER = new AbortController().signal;
const ANSWERED: TurnOutcome = { kind: 'answered', text: 'done', usage: noUsage, sessionKey: 's' };

describe('the gate for commands', () => {
  let dir: TempDir;
  let clock: ManualClock;
  let journal: Journal;
  let asking: Asking;
  let gate: AskingGate;
  /** The runs whose turns were ended. */
  let aborted: string[];
  /** What control is told of runs. */
  let told: string[];

  beforeEach(async () => {
    dir = await tempDir('command-gate');
    clock = new ManualClock();
    await start();
  });
  afterEach(async () => {
    await end();
    await dir[Symbol.asyncDispose]();
  });

  /** A daemon as it is after its start, on whatever a former one left. */
  async function start(): Promise<void> {
    const log = createLogger({ name: 'test', level: 'silent' });
    journal = new Journal({ stateDir: dir.path, clock });
    aborted = [];
    const ladder = { abort: async (runId: string) => void aborted.push(runId) };
    asking = new Asking({
      fleet: 'f1',
      agent: 'athena',
      subjects: subjectsOf('f1'),
      journal,
      runIds: () => journal.runs.open().map(({ runId }) => runId),
      ladder,
      waitMs: 5 * MINUTE,
      expiresInMs: 60 * MINUTE,
      onAdded: () => undefined,
      log,
      clock,
    });
    told = [];
    const reports = {
      tell: (...[, event, detail]: Parameters<RunReports['tell']>) => void told.push(`${event} ${detail}`),
    };
    const options = { agent: 'athena', machine: 'vm-1', journal, asking, ladder, reports, log };
    gate = new AskingGate({ ...options, onAdded: () => undefined });
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
  const wanted = (id: string, turnId = 'r-1', command = 'rm -rf build'): WantedCommand => ({
    id,
    turnId,
    command,
    cwd: '/work',
  });
  const undecided = (runId: string): Promise<JournaledAsk> =>
    waitFor('something to decide', () =>
      journal.asks.ofRun(runId).find(({ decision }) => decision === undefined),
    );
  /** What control says, as the deliveries take it. */
  async function decide(state: 'approved' | 'denied', runId = 'r-1'): Promise<void> {
    const { key, hash } = await undecided(runId);
    const about = { decisionId: 'd', agent: 'athena', taskId: 't-1', runId, key, hash };
    assert.ok(journal.asks.decide({ ...about, state, by: 'ada' }));
    asking.decided(key);
  }
  const messages = (): number => journal.outbox.pending('bus');

  it('lets one of two that want the same run for each approval', async () => {
    run('r-1');
    const both = ['a', 'b'].map((id) => gate.decide(wanted(id), NEVER));
    await decide('approved');

    assert.equal(await Promise.race(both), true);
    assert.equal(messages(), 2, 'the other asks anew');
    await decide('denied');
    assert.deepEqual((await Promise.all(both)).toSorted(), [false, true]);
  });

  it('says the same to the same again, also after a crash, and asks anew for the same command', async () => {
    run('r-1');
    const gone = new AbortController();
    const lost = gate.decide(wanted('a'), gone.signal);
    await undecided('r-1');
    gone.abort(new Error('the daemon is killed'));
    await assert.rejects(lost, /killed/);
    await end();
    await start();
    const again = gate.decide(wanted('a'), NEVER);
    await decide('approved');
    assert.equal(await again, true);
    await end();
    await start();

    assert.equal(await gate.decide(wanted('a'), NEVER), true);
    assert.equal(messages(), 1);
    const second = gate.decide(wanted('b'), NEVER);
    await decide('denied');
    assert.equal(await second, false);
  });

  it('asks once for what a gateway, back after a crash, wants under another id', async () => {
    run('r-1');
    const gone = new AbortController();
    const lost = gate.decide(wanted('a'), gone.signal);
    await undecided('r-1');
    gone.abort(new Error('the gateway is killed'));
    await assert.rejects(lost, /killed/);
    await decide('approved');

    assert.equal(await gate.decide(wanted('b'), NEVER), true);
    assert.equal(messages(), 1);
  });

  it('denies what was denied for the task, and asks for what differs in anything', async () => {
    run('r-1');
    const first = gate.decide(wanted('a'), NEVER);
    await decide('denied');
    assert.equal(await first, false);

    assert.equal(await gate.decide(wanted('b', 'r-1-nudged'), NEVER), false);
    assert.equal(messages(), 1);
    for (const other of [wanted('c', 'r-1', 'rm -rf build '), { ...wanted('d'), cwd: '/' }]) {
      const reply = gate.decide(other, NEVER);
      await decide('approved');
      assert.equal(await reply, true);
    }
  });

  it('ends the turn when nobody decides, and lets it run once in the run that goes on', async () => {
    run('r-1');
    const reply = gate.decide(wanted('a'), NEVER);
    await undecided('r-1');
    await clock.advance(5 * MINUTE + 1000);
    assert.equal(await reply, undefined);
    assert.deepEqual(aborted, ['r-1']);
    assert.equal(isToPark(journal, 'r-1', ANSWERED), true);
    await decide('approved');
    journal.runs.advance('r-1', 'park');
    run('r-2');

    assert.equal(await gate.decide(wanted('b', 'r-2'), NEVER), true);
    assert.equal(messages(), 1);
    const second = gate.decide(wanted('c', 'r-2'), NEVER);
    await decide('denied', 'r-2');
    assert.equal(await second, false);
  });

  it('forgets what was decided elsewhere, so that its run is not parked for it', async () => {
    run('r-1');
    const reply = gate.decide(wanted('a'), NEVER);
    await undecided('r-1');
    assert.equal(isToPark(journal, 'r-1', ANSWERED), true);

    await gate.gone(wanted('a'));

    assert.equal(await reply, undefined);
    assert.equal(isToPark(journal, 'r-1', ANSWERED), false);
    assert.deepEqual(told, ['forgot command:t-1:a'], 'nobody is to decide on it any more');
    const next = gate.decide(wanted('b'), NEVER);
    await decide('approved');
    assert.equal(await next, true, 'the same command is asked anew');
  });

  it('asks anew for the one of two that was not decided elsewhere', async () => {
    run('r-1');
    const first = gate.decide(wanted('a'), NEVER);
    await undecided('r-1');
    const second = gate.decide(wanted('b'), NEVER);
    await gate.gone(wanted('a'));

    assert.equal(await first, undefined);
    await decide('approved');
    assert.equal(await second, true);
  });

  it('asks anew where another has used what it was asked under', async () => {
    run('r-1');
    const lost = new AbortController();
    const first = gate.decide(wanted('a'), lost.signal);
    await undecided('r-1');
    lost.abort(new Error('the connection is lost'));
    await assert.rejects(first, /lost/);
    await decide('approved');
    assert.equal(await gate.decide(wanted('b'), NEVER), true);

    const again = gate.decide(wanted('a'), NEVER);
    await decide('approved');
    assert.equal(await again, true);
  });

  it('denies what is of no run under way, and what is too long to be shown', async () => {
    assert.equal(await gate.decide(wanted('a'), NEVER), false);
    run('r-1');
    assert.equal(await gate.decide(wanted('b', 'warmup-1'), NEVER), false);
    assert.equal(await gate.decide(wanted('c', 'r-1', 'x'.repeat(200_000)), NEVER), false);
    assert.equal(messages(), 0);
  });
});
