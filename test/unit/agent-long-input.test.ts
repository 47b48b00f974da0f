import assert from 'node:assert/strict';
import type { Harness } from '#core/harness.ts';
import { noUsage } from '#core/usage.ts';
import { systemClock } from '#lib/clock.ts';
import { released, workOf } from '#test/agent-work.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

const LONG = { input: { text: 'the beginning', requester: 'ada', isBeginning: true } };
const { signal } = new AbortController();

describe('a run whose text cannot be had', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('long-input');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  /** How a run ends with a gateway on which a former process has left this. */
  async function endWith(outcome: Awaited<ReturnType<Harness['run']>>): Promise<string> {
    const aborted: string[] = [];
    const harness: Harness = {
      health: () => ({ ready: true }),
      run: async () => outcome,
      abort: async (runId) => void aborted.push(runId),
    };
    const { message, became } = released('r-1', LONG);
    await workOf({ journal, clock: systemClock, harness }).work(message, signal);

    assert.deepEqual(became, ['acknowledged']);
    assert.deepEqual(aborted, ['r-1'], 'a turn that goes on is ended');
    const sent = await journal.outbox.source('bus').next(10, []);
    return JSON.stringify(sent.map(({ payload }) => payload));
  }

  it('has the answer of the turn that a former process had begun', async () => {
    const told = await endWith({ kind: 'answered', text: 'found', usage: noUsage, sessionKey: 's' });
    assert.match(told, /found/);
    assert.doesNotMatch(told, /input_unavailable/);
  });

  it('fails with why, where there was none', async () => {
    const cancelled = {
      kind: 'failed',
      failure: 'cancelled',
      message: 'It was ended.',
      usage: noUsage,
    } as const;
    assert.match(await endWith(cancelled), /input_unavailable/);
  });
});
