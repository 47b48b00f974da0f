import type { Harness } from '#core/harness.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Clock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import type { Journal } from '../../src/agent/journal/journal.ts';
import { BusEffect } from '../../src/agent/journal/outbox-store.ts';
import { Attention } from '../../src/agent/parts/attention.ts';
import { longInput } from '../../src/agent/parts/long-input.ts';
import { noPresence } from '../../src/agent/parts/presence.ts';
import { RunReports } from '../../src/agent/parts/run-reports.ts';
import { Runner } from '../../src/agent/parts/runner.ts';
import { taskHandler } from '../../src/agent/parts/tasks.ts';
import { Ladder } from '../../src/agent/stuck/ladder.ts';

const log = createLogger({ name: 'test', level: 'silent' });

/** A gateway that answers at once. */
const answering: Harness = {
  health: () => ({ ready: true }),
  run: async ({ sessionKey }) => ({ kind: 'answered', text: 'done', usage: noUsage, sessionKey }),
  abort: async () => undefined,
};

/** The parts of a daemon that do its work, on this journal and without a bus: what it sends is as good as sent. */
export function workOf(given: {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly harness?: Harness;
}) {
  const { journal, clock, harness = answering } = given;
  const lease = { held: true };
  const common = { journal, log, clock, onAdded: () => undefined };
  const reports = new RunReports({ ...common, fleet: 'f1', agent: 'athena', subjects: subjectsOf('f1') });
  const limits = { silentMs: 60_000, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };
  const runner = new Runner({
    ...common,
    reports,
    ladder: new Ladder({ ...common, reports, harness, howToAsk: () => '', limits }),
    lease,
    attention: new Attention({
      ...{ progressTimeoutMs: 1000, harnessReady: () => true, clock, log },
      presence: noPresence,
      isWaiting: () => false,
    }),
    presence: noPresence,
    withInput: longInput({ ...common, api: undefined }),
    sent: async () => undefined,
  });
  const parts = { agent: 'athena', runner, journal, lease, log };
  return { ...parts, work: taskHandler(parts) };
}

/** Released work as it comes from the bus, and what became of the message. */
export function released(runId: string, more: Partial<TaskDispatch['data']> = {}) {
  const became: string[] = [];
  const head = { id: 'm-1', source: '/test', subject: 'test', time: '2026-11-28T12:00:00Z' };
  const dispatch = TaskDispatch.create(head, {
    ...{ taskId: 't-1', runId, attempt: 1, epoch: 1, agent: 'athena', domain: 'planning' },
    ...{ deadline: '2999-01-01T00:00:00Z', startToCloseMs: 60_000 },
    input: { text: 'x', requester: 'ada' },
    session: { key: 'olympus:task:t-1' },
    ...more,
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
  return { message, became, dispatch: dispatch.data };
}

/** What control is told of which run, in order, taken out of the outbox. */
export async function toldBy({ outbox }: Journal): Promise<string[]> {
  const source = outbox.source('bus');
  const told: string[] = [];
  for (let [entry] = await source.next(1, []); entry; [entry] = await source.next(1, [])) {
    const { runId, event, detail } = JSON.parse(BusEffect.parse(entry.payload).body).data;
    told.push([runId, event ?? 'result', ...(detail ? [detail] : [])].join(' '));
    await source.done([entry.id]);
  }
  return told;
}
