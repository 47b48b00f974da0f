import assert from 'node:assert/strict';
import type { Harness } from '#core/harness.ts';
import { AgentDuty } from '#core/messages/agent-duty.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { Attention } from '../../src/agent/parts/attention.ts';
import { commandHandler } from '../../src/agent/parts/commands.ts';
import { noPresence } from '../../src/agent/parts/presence.ts';
import { RunReports } from '../../src/agent/parts/run-reports.ts';
import { Runner } from '../../src/agent/parts/runner.ts';
import { taskHandler } from '../../src/agent/parts/tasks.ts';
import { Ladder } from '../../src/agent/stuck/ladder.ts';

const NEVER = new AbortController().signal;
const HEAD = { id: 'm-1', source: '/test', subject: 'test', time: '2026-11-28T12:00:00Z' };
const lease = { held: true };
const log = createLogger({ name: 'test', level: 'silent' });

/** A gateway that answers at once. */
const harness: Harness = {
  health: () => ({ ready: true }),
  run: async ({ sessionKey }) => ({ kind: 'answered', text: 'done', usage: noUsage, sessionKey }),
  abort: async () => undefined,
};

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
    const common = { journal, log, clock: systemClock, onAdded: () => undefined };
    const reports = new RunReports({ ...common, fleet: 'f1', agent: 'athena', subjects: subjectsOf('f1') });
    const limits = { silentMs: 60_000, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };
    const runner = new Runner({
      ...common,
      reports,
      ladder: new Ladder({ ...common, reports, harness, howToAsk: () => '', limits }),
      lease,
      attention: new Attention({
        ...{ progressTimeoutMs: 1000, harnessReady: () => true, clock: systemClock, log },
        presence: noPresence,
        isWaiting: () => false,
      }),
      presence: noPresence,
      sent: async () => undefined,
    });
    const given = { agent: 'athena', runner, journal, lease, log };
    const obey = commandHandler(given);
    return {
      work: taskHandler(given),
      tell: async (verb: 'drain' | 'resume') => {
        const command = AgentDuty.create(HEAD, { verb, agent: 'athena' });
        assert.deepEqual(JSON.parse(await obey(Buffer.from(JSON.stringify(command)))), { ok: true });
      },
    };
  }

  /** Released work as it comes from the bus, and what became of the message. */
  function released(runId: string) {
    const became: string[] = [];
    const dispatch = TaskDispatch.create(HEAD, {
      ...{ taskId: 't-1', runId, attempt: 1, epoch: 1, agent: 'athena', domain: 'planning' },
      ...{ deadline: '2999-01-01T00:00:00Z', startToCloseMs: 60_000 },
      input: { text: 'x', requester: 'ada' },
      session: { key: 'olympus:task:t-1' },
    });
    const message: BusMessage = {
      ...{
        stream: 'TASKS',
        seq: 1,
        subject: `f1.tasks.planning.athena.${runId}`,
        msgId: undefined,
        storedAt: 0,
        deliveryCount: 1,
      },
      body: Buffer.from(JSON.stringify(dispatch)),
      ack: async () => void became.push('acknowledged'),
      working: () => undefined,
      later: () => void became.push('given back'),
      term: () => void became.push('ended'),
    };
    return { message, became };
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
