import assert from 'node:assert/strict';
import { AgentDuty } from '#core/messages/agent-duty.ts';
import { systemClock } from '#lib/clock.ts';
import { released, workOf } from '#test/agent-work.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { commandHandler } from '../../src/agent/parts/commands.ts';

const NEVER = new AbortController().signal;
const HEAD = { id: 'm-1', source: '/test', subject: 'test', time: '2026-11-28T12:00:00Z' };

describe('a daemon that was told to take no new work', () => {
  let dir: TempDir;
  let journal: Journal;
  beforeEach(async () => {
    dir = await tempDir('duty');
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
  });
  afterEach(async () => {
    await journal.stop();
    await dir[Symbol.asyncDispose]();
  });

  function daemon() {
    const { work, ...parts } = workOf({ journal, clock: systemClock });
    const obey = commandHandler(parts);
    return {
      work,
      tell: async (verb: 'drain' | 'resume') => {
        const command = AgentDuty.create(HEAD, { verb, agent: 'athena' });
        assert.deepEqual(JSON.parse(await obey(Buffer.from(JSON.stringify(command)))), { ok: true });
      },
    };
  }

  it('gives back what a pull under way still brought, until it is resumed', async () => {
    const { work, tell } = daemon();
    const { message, became } = released('r-1');
    await tell('drain');
    await tell('drain');

    await work(message, NEVER);
    assert.deepEqual(became, ['given back']);
    assert.equal(journal.runs.get('r-1'), undefined);

    await tell('resume');
    await work(message, NEVER);
    assert.deepEqual(became, ['given back', 'acknowledged']);
    assert.equal(journal.runs.get('r-1')?.state, 'published');
  });

  it('finishes what it has, also as another process', async () => {
    const { work, tell } = daemon();
    const first = released('r-1');
    await work(first.message, NEVER);
    await tell('drain');
    await journal.stop();
    journal = new Journal({ stateDir: dir.path, clock: systemClock });
    const next = daemon();

    await next.work(first.message, NEVER);
    const other = released('r-2');
    await next.work(other.message, NEVER);

    assert.deepEqual(first.became, ['acknowledged', 'acknowledged'], 'the run that is known');
    assert.deepEqual(other.became, ['given back']);
    assert.equal(journal.duty.takesWork, false);
  });
});
