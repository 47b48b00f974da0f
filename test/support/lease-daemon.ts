import { appendFileSync } from 'node:fs';
import type { Harness } from '#core/harness.ts';
import { agentConsumersOf } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { noUsage } from '#core/usage.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { Subscription } from '#integrations/nats/subscription.ts';
import { systemClock } from '#lib/clock.ts';
import { Lifecycle } from '#lib/lifecycle.ts';
import { runProgram } from '#lib/lifecycle-program.ts';
import { createLogger } from '#lib/log.ts';
import { Relay } from '#lib/relay.ts';
import { runMain } from '#lib/run-main.ts';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { Attention } from '../../src/agent/parts/attention.ts';
import { Lease } from '../../src/agent/parts/lease.ts';
import { longInput } from '../../src/agent/parts/long-input.ts';
import { noPresence } from '../../src/agent/parts/presence.ts';
import { RunReports } from '../../src/agent/parts/run-reports.ts';
import { Runner } from '../../src/agent/parts/runner.ts';
import { busSender } from '../../src/agent/parts/send-bus.ts';
import { Resume, taskHandler } from '../../src/agent/parts/tasks.ts';
import { Ladder } from '../../src/agent/stuck/ladder.ts';

/** What a test tells the program in its environment. */
interface Settings {
  readonly FLEET: string;
  readonly AGENT: string;
  /** Which of the agent's daemons this is, in the file of effects. */
  readonly NAME: string;
  readonly NATS_URL: string;
  readonly SEED: string;
  readonly STATE_DIR: string;
  /** A line for each thing that is done, by whom. */
  readonly EFFECTS: string;
  readonly TTL_MS: string;
}

// The parts of olympusd that have to do with runs, as a process of its own that a test may stop and kill. Its harness
// answers at once, or never when it is asked to be long, and counts what it does.
await runMain('lease-daemon', async () => {
  const settings = process.env as unknown as Settings;
  const { FLEET: fleet, AGENT: agent, NAME: name } = settings;
  const log = createLogger({ name, level: 'info' });
  const clock = systemClock;
  const did = (what: string): void => appendFileSync(settings.EFFECTS, `${name} ${what}\n`);

  const journal = new Journal({ stateDir: settings.STATE_DIR, clock });
  const bus = new BusConnection({
    url: settings.NATS_URL,
    name,
    seed: settings.SEED,
    inboxPrefix: `_INBOX_${agent}`,
    log,
    clock,
  });
  const lease = new Lease({
    agent,
    bus,
    journal,
    ttlMs: Number(settings.TTL_MS),
    onHeld: () => {
      did('held');
      relay.wake();
      resume.resume();
    },
    onElsewhere: () => {
      did('elsewhere');
      return runner.giveUp();
    },
    log,
    clock,
  });
  const relay = new Relay({
    name: 'outbox',
    source: journal.outbox.source('bus'),
    send: busSender(bus, lease, log),
    atOnce: 8,
    log,
    clock,
  });
  const harness = countingHarness(did);
  const reports = new RunReports({ fleet, agent, subjects: subjectsOf(fleet), journal, clock });
  const limits = { silentMs: 600_000, sameError: 3, sameResult: 4, alternating: 6, compactions: 3 };
  const runner = new Runner({
    attention: new Attention({
      presence: noPresence,
      progressTimeoutMs: 60_000,
      harnessReady: () => true,
      isWaiting: () => false,
      log,
      clock,
    }),
    lease,
    reports,
    ladder: new Ladder({
      journal,
      reports,
      harness,
      howToAsk: () => '',
      limits,
      onAdded: () => relay.wake(),
      log,
      clock,
    }),
    presence: noPresence,
    withInput: longInput({ api: undefined, journal, log, clock }),
    journal,
    onAdded: () => relay.wake(),
    sent: (key, signal) => relay.sent(key, signal),
    log,
    clock,
  });
  const [tasks] = agentConsumersOf(fleet, agent);
  if (!tasks) throw new Error('an agent has no consumer for its tasks');
  const resume = new Resume({ agent, runner, lease, journal, log });
  await runProgram({
    lifecycle: new Lifecycle(
      [
        journal,
        bus,
        lease,
        relay,
        new Subscription({
          bus,
          stream: tasks.stream,
          durable: tasks.durable,
          concurrency: 2,
          confirms: true,
          open: () => lease.held,
          handle: taskHandler({ agent, runner, lease, journal, log }),
          log,
          clock,
        }),
        resume,
      ],
      log,
    ),
    log,
    notify: createSdNotifier({}),
    stopTimeoutMs: 500,
  });
});

function countingHarness(did: (what: string) => void): Harness {
  const aborts = new Map<string, () => void>();
  return {
    health: () => ({ ready: true }),
    async run({ runId, sessionKey, text }, _onProgress, signal) {
      const ended = Promise.withResolvers<void>();
      const onAbort = (): void => ended.reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      aborts.set(runId, ended.resolve);
      did(`run ${runId}`);
      if (text !== 'long') return { kind: 'answered', text: 'done', usage: noUsage, sessionKey };
      await ended.promise;
      return { kind: 'failed', failure: 'cancelled', message: 'aborted', usage: noUsage };
    },
    async abort(runId) {
      aborts.get(runId)?.();
      did(`abort ${runId}`);
    },
  };
}
