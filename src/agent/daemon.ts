import path from 'node:path';
import type { CommandGate } from '#core/harness.ts';
import type { Manifest } from '#core/manifest.ts';
import { agentConsumersOf, streamNames } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { Subscription } from '#integrations/nats/subscription.ts';
import type { Clock } from '#lib/clock.ts';
import { HealthServer } from '#lib/health-server.ts';
import { Lifecycle, type Part, type PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Metrics } from '#lib/metrics.ts';
import { Relay } from '#lib/relay.ts';
import { createAskingSide } from './actions/asking-side.ts';
import { howToAsk } from './actions/how-to-ask.ts';
import { isWaiting } from './actions/parking.ts';
import { createChatSide } from './chat-side.ts';
import type { AgentConfig } from './config.ts';
import type { HarnessPart } from './harness.ts';
import { Journal } from './journal/journal.ts';
import { Attention } from './parts/attention.ts';
import { commandHandler } from './parts/commands.ts';
import type { ControlApi } from './parts/control-api.ts';
import { deliveryHandler } from './parts/deliveries.ts';
import { HeartbeatPart } from './parts/heartbeat.ts';
import { Lease } from './parts/lease.ts';
import { longInput } from './parts/long-input.ts';
import { noPresence } from './parts/presence.ts';
import { RunReports } from './parts/run-reports.ts';
import { Runner } from './parts/runner.ts';
import { busSender } from './parts/send-bus.ts';
import { uploadSender } from './parts/send-upload.ts';
import { Resume, taskHandler } from './parts/tasks.ts';
import { Ladder } from './stuck/ladder.ts';

export interface DaemonOptions {
  readonly config: AgentConfig;
  readonly manifest: Manifest;
  /** The CA of nats-server, as PEM. */
  readonly busCa?: string | undefined;
  readonly busSeed: string;
  /** The agent's own in chat; without one it has no chat parts. */
  readonly account?: { readonly url: string; readonly token: string } | undefined;
  /** Builds what runs the model; with a gate, commands wait for its decision. */
  readonly harness: (gate: CommandGate | undefined) => HarnessPart;
  /** Where answers go, and texts come from, that do not fit into a message. */
  readonly controlApi?: ControlApi | undefined;
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** How many messages may be on their way to the bus at once. */
const BUS_AT_ONCE = 64;

/** Builds olympusd: every part of it, in start order. */
export function createDaemon(options: DaemonOptions): Lifecycle {
  const { config, manifest, version, log, clock } = options;
  const fleet = config.OLYMPUS_FLEET;
  const agent = manifest.name;
  const subjects = subjectsOf(fleet);
  const part = (name: string): Logger => log.child({ part: name });

  const journal = new Journal({
    stateDir: path.join(config.OLYMPUS_STATE_DIR),
    clock,
    onWritable: () => {
      onAdded();
      if (lease.held) resume.resume();
    },
  });
  const bus = new BusConnection({
    url: config.OLYMPUS_NATS_URL,
    ca: options.busCa,
    name: `olympusd ${agent}`,
    seed: options.busSeed,
    inboxPrefix: `_INBOX_${agent}`,
    log: part('bus'),
    clock,
  });
  const harness = options.harness(
    manifest.exec === 'ask'
      ? {
          decide: (wanted, signal) => asking.gate.decide(wanted, signal),
          gone: (wanted) => asking.gate.gone(wanted),
        }
      : undefined,
  );

  const lease = new Lease({
    agent,
    bus,
    journal,
    onHeld: () => {
      busRelay.wake();
      resume.resume();
    },
    onElsewhere: () => runner.giveUp(),
    log: part('lease'),
    clock,
  });
  const { outbox } = journal;
  const busRelay = new Relay({
    name: 'outbox bus',
    source: outbox.source('bus'),
    send: busSender(bus, lease, log),
    atOnce: BUS_AT_ONCE,
    log: part('outbox bus'),
    clock,
  });
  const { account } = options;
  const wakeBus = (): void => busRelay.wake();
  const uploadRelay = new Relay({
    name: 'outbox upload',
    source: outbox.source('upload'),
    send: uploadSender({
      api: options.controlApi,
      journal,
      onAdded: wakeBus,
      log: part('outbox upload'),
    }),
    atOnce: 1,
    log: part('outbox upload'),
    clock,
  });
  const chatSide =
    account &&
    createChatSide({
      config,
      manifest,
      subjects,
      account,
      journal,
      bus,
      harness,
      lease,
      controlApi: options.controlApi,
      onAdded: wakeBus,
      log,
      clock,
    });
  const presence = chatSide?.presence ?? noPresence;
  const onAdded = (): void => {
    chatSide?.wake();
    uploadRelay.wake();
    busRelay.wake();
  };
  const attention = new Attention({
    presence,
    progressTimeoutMs: config.OLYMPUS_PROGRESS_TIMEOUT_MS,
    harnessReady: () => harness.health().ready,
    isWaiting: (runId) => isWaiting(journal, runId),
    clock,
    log: part('attention'),
  });
  const reports = new RunReports({ fleet, agent, subjects, journal, clock });
  const ladder = new Ladder({
    journal,
    reports,
    harness,
    howToAsk: (taskId) => {
      const hasSocket = config.OLYMPUS_ACTION_SOCKET !== undefined;
      return howToAsk(taskId, { hasSocket, exec: manifest.exec, colleagues: manifest.delegates_to });
    },
    limits: {
      silentMs: config.OLYMPUS_STUCK_SILENT_MS,
      sameError: config.OLYMPUS_STUCK_SAME_ERROR,
      sameResult: config.OLYMPUS_STUCK_SAME_RESULT,
      alternating: config.OLYMPUS_STUCK_ALTERNATING,
      compactions: config.OLYMPUS_STUCK_COMPACTIONS,
    },
    onAdded,
    log: part('ladder'),
    clock,
  });
  const runner = new Runner({
    attention,
    lease,
    reports,
    ladder,
    presence,
    journal,
    onAdded,
    withInput: longInput({ api: options.controlApi, journal, log: part('input'), clock }),
    sent: (key, signal) => busRelay.sent(key, signal),
    log: part('runner'),
    clock,
  });
  const obey = commandHandler({ agent, runner, journal, log: part('commands') });
  for (const verb of ['cancel', 'drain', 'resume']) bus.serve(subjects.control(agent, verb), obey);
  const asking = createAskingSide({
    config,
    agent,
    subjects,
    journal,
    reports,
    runIds: () => runner.runIds,
    ladder,
    controlApi: options.controlApi,
    onAdded,
    log,
    clock,
  });
  const tasks = {
    agent,
    runner,
    journal,
    lease,
    log: part('tasks'),
  };
  const resume = new Resume(tasks);
  const subscriptions = agentConsumersOf(fleet, agent).map(({ stream, durable }) => {
    if (stream === streamNames.tasks) {
      return new Subscription({
        bus,
        stream,
        durable,
        concurrency: manifest.limits.concurrency,
        confirms: true,
        // While the gateway is away, work waits on the bus, where its deadline still counts.
        open: () => lease.held && harness.health().ready && journal.duty.takesWork && journal.writable,
        handle: taskHandler(tasks),
        log: part('tasks'),
        clock,
      });
    }
    return new Subscription({
      bus,
      stream,
      durable,
      concurrency: 1,
      confirms: true,
      open: () => lease.held && journal.writable,
      handle: deliveryHandler({
        agent,
        journal,
        lease,
        onAdded,
        onDecided: (key) => asking.decided(key),
        log: part('deliveries'),
      }),
      log: part('deliveries'),
      clock,
    });
  });

  const peerParts: Part[] = [journal, bus, lease, ...(chatSide ? [chatSide.chat] : []), harness];
  const peers = (): PartHealth[] => peerParts.map((peer) => ({ name: peer.name, ...peer.health() }));
  const health = (): PartHealth[] => lifecycle.health();
  const metrics = new Metrics(health);
  metrics.gauge('olympus_outbox_pending', 'Effects written down and not yet sent', 'lane', () => ({
    bus: outbox.pending('bus'),
    chat: outbox.pending('chat'),
    upload: outbox.pending('upload'),
    files: outbox.pending('files'),
  }));
  metrics.gauge('olympus_runs_under_way', 'Runs this agent is at work on', 'agent', () => ({
    [agent]: runner.runIds.length,
  }));

  const lifecycle = new Lifecycle(
    [
      journal,
      new HealthServer({ port: config.OLYMPUS_HEALTH_PORT, parts: health, metrics: () => metrics.render() }),
      bus,
      // Before all that speaks for the agent: it is given up after that has ended.
      lease,
      harness,
      busRelay,
      uploadRelay,
      ...(chatSide?.parts ?? []),
      new HeartbeatPart({
        fleet,
        manifest,
        subjects,
        version,
        bus,
        everyMs: config.OLYMPUS_HEARTBEAT_MS,
        lease,
        conditions: peers,
        runIds: () => runner.runIds,
        takesWork: () => journal.duty.takesWork,
        account: () => chatSide?.chat.me,
        log: part('heartbeat'),
        clock,
      }),
      ...subscriptions,
      resume,
      // Those who ask again after a restart are heard once their runs are under way again.
      ...asking.parts,
    ],
    log,
  );
  return lifecycle;
}
