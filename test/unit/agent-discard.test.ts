import assert from 'node:assert/strict';
import type { Harness } from '#core/harness.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { noUsage } from '#core/usage.ts';
import { released, toldBy, workOf } from '#test/agent-work.ts';
import { ManualClock } from '#test/manual-clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

const NEVER = new AbortController().signal;

describe('a run that comes when nobody wants it any more', () => {
  let dir: TempDir;
  let clock: ManualClock;
  let journal: Journal;
  /** The runs of which a turn was begun. */
  let begun: string[];
  beforeEach(async () => {
    dir = await tempDir('discard');
    clock = new ManualClock();
    journal = new Journal({ stateDir: dir.path, clock });
    begun = [];
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  /** Hands it to a daemon, twice, and says what became of it and of its message. */
  async function comes(runId: string, more: Partial<TaskDispatch['data']> = {}) {
    const harness: Harness = {
      health: () => ({ ready: true }),
      run: async (turn) => {
        begun.push(turn.runId);
        return { kind: 'answered', text: 'done', usage: noUsage, sessionKey: turn.sessionKey };
      },
      abort: async () => undefined,
    };
    const { work } = workOf({ journal, clock, harness });
    const { message, became } = released(runId, more);
    await work(message, NEVER);
    await work(message, NEVER);
    assert.deepEqual(became, ['acknowledged', 'acknowledged']);
    return journal.runs.get(runId)?.state;
  }
  const told = () => toldBy(journal);

  it('is discarded when it was cancelled before it came', async () => {
    await journal.transaction(() => journal.runs.cancel('r-1'));

    assert.equal(await comes('r-1'), 'discarded');

    assert.deepEqual(await told(), ['r-1 discarded cancelled']);
    assert.deepEqual(begun, []);
  });

  it('is discarded once its deadline has passed, and not before', async () => {
    const deadline = new Date(clock.now() + 1000).toISOString();
    await clock.advance(999);
    assert.equal(await comes('r-1', { deadline }), 'published');
    await clock.advance(1);

    assert.equal(await comes('r-2', { taskId: 't-2', deadline }), 'discarded');

    assert.deepEqual(await told(), ['r-1 started', 'r-1 result', 'r-2 discarded past its deadline']);
    assert.deepEqual(begun, ['r-1']);
  });

  it('is discarded when a later run of its task has come, and no other is', async () => {
    assert.equal(await comes('r-2', { epoch: 2 }), 'published');

    assert.equal(await comes('r-1', { epoch: 1 }), 'discarded');
    assert.equal(await comes('r-3', { epoch: 3 }), 'published');
    assert.equal(await comes('other', { taskId: 't-2', epoch: 1 }), 'published');

    assert.deepEqual(
      (await told()).filter((each) => each.startsWith('r-1')),
      ['r-1 discarded superseded by a later run'],
    );
    assert.deepEqual(begun, ['r-2', 'r-3', 'other']);
  });
});
