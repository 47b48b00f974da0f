import assert from 'node:assert/strict';
import { subjectsOf } from '#core/subjects.ts';
import { systemClock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { type HarnessBench, sharedHarnessBench } from '#test/harness-bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { RunReports } from '../../src/agent/parts/run-reports.ts';
import { Ladder } from '../../src/agent/stuck/ladder.ts';

const never = new AbortController().signal;
const LIMITS = { silentMs: 600_000, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };
const CIRCLE = { kind: 'tool', name: 'exec', args: { command: 'ls /nowhere-at-all' } } as const;

describe('a run that goes round in circles in a real gateway', function () {
  this.timeout(240_000);
  let bench: HarnessBench;
  let dir: TempDir;
  let journal: Journal;
  before(async () => {
    bench = await sharedHarnessBench();
  });
  beforeEach(async () => {
    dir = await tempDir('ladder');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
  });
  afterEach(async () => {
    bench.tidy();
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  it('is told so, begun anew, and given up', async () => {
    const marker = newNonce();
    bench.model.script({ match: marker, matchIn: 'any', times: 100, behaviour: CIRCLE });

    const outcome = await climb(marker);

    assert.equal(outcome.kind === 'failed' && outcome.failure, 'stuck_loop', JSON.stringify(outcome));
    assert.equal(journal.rungs.of(`run-${marker}`).level, 3);
    // On each rung four calls, all in one session but those of the last.
    assert.ok(outcome.usage.modelCalls >= 12, JSON.stringify(outcome.usage));
    assert.ok(asks(marker).some((text) => text.includes('you repeat the same steps')));
    assert.ok(asks(marker).some((text) => /This is a new beginning.*- exec .*nowhere-at-all/s.test(text)));
  });

  it('is done when it takes another way after it was told', async () => {
    const marker = newNonce();
    bench.model.script(
      { match: 'you repeat the same steps', behaviour: { kind: 'answer', text: 'another way' } },
      { match: marker, matchIn: 'any', times: 100, behaviour: CIRCLE },
    );

    const outcome = await climb(marker);

    assert.equal(outcome.kind === 'answered' && outcome.text, 'another way', JSON.stringify(outcome));
    assert.equal(journal.rungs.of(`run-${marker}`).level, 1);
  });

  async function climb(marker: string) {
    const runId = `run-${marker}`;
    await journal.transaction(() => {
      journal.runs.claim(
        {
          taskId: `t-${marker}`,
          runId,
          attempt: 1,
          epoch: 1,
          agent: 'hermes',
          domain: 'planning',
          deadline: new Date(Date.now() + 600_000).toISOString(),
          startToCloseMs: 200_000,
          input: { text: `find it (${marker})`, requester: 'ada' },
          session: { key: `olympus:task:${marker}` },
        },
        newNonce(),
      );
      journal.runs.advance(runId, 'start');
    });
    const run = journal.runs.get(runId);
    assert.ok(run);
    const reports = new RunReports({
      fleet: 'f1',
      agent: 'hermes',
      subjects: subjectsOf('f1'),
      journal,
      clock: systemClock,
    });
    const ladder = new Ladder({
      journal,
      reports,
      harness: bench.harness,
      howToAsk: () => '',
      limits: LIMITS,
      onAdded: () => undefined,
      log: createLogger({ name: 'test', level: 'silent' }),
      clock: systemClock,
    });
    return ladder.climb(run, () => undefined, never);
  }

  /** What the model was told in all sessions of this run. */
  function asks(marker: string): string[] {
    return bench.model
      .requests()
      .map(({ messages }) => messages.map(({ text }) => text).join('\n'))
      .filter((text) => text.includes(marker));
  }
});
