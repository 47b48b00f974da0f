import path from 'node:path';
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
import { createChatSide } from './chat-side.ts';
import type { AgentConfig } from './config.ts';
import { createHarness, type HarnessChoice } from './harness.ts';
import { Journal } from './journal/journal.ts';
import { Attention } from './parts/attention.ts';
import { commandHandler } from './parts/commands.ts';
import { HeartbeatPart } from './parts/heartbeat.ts';
import { noPresence } from './parts/presence.ts';
import { Runner } from './parts/runner.ts';
import { busSender } from './parts/send-bus.ts';
import { type ControlApi, uploadSender } from './parts/send-upload.ts';
import { Resume, taskHandler } from './parts/tasks.ts';

export interface DaemonOptions {
  readonly config: AgentConfig;
  readonly manifest: Manifest;
  /** The CA of nats-server, as PEM. */
  readonly busCa?: string | undefined;
  readonly busSeed: string;
  /** The agent's own in chat; without one it has no chat parts. */
  readonly account?: { readonly url: string; readonly token: string } | undefined;
  readonly harness: HarnessChoice;
  /** Where answers go that do not fit into a message. */
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

  const journal = new Journal({ stateDir: path.join(config.OLYMPUS_STATE_DIR), clock });
  const bus = new BusConnection({
    url: config.OLYMPUS_NATS_URL,
    ca: options.busCa,
    name: `olympusd ${agent}`,
    seed: options.busSeed,
    inboxPrefix: `_INBOX_${agent}`,
    log: part('bus'),
    clock,
  });
  const harness = createHarness(options.harness, { log: part(options.harness.kind), clock });

  const { outbox } = journal;
  const busRelay = new Relay({
    name: 'outbox bus',
    source: outbox.source('bus'),
    send: busSender(bus, log),
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
    clock,
    log: part('attention'),
  });
  const runner = new Runner({
    attention,
    presence,
    fleet,
    agent,
    subjects,
    journal,
    harness,
    onAdded,
    sent: (key, signal) => busRelay.sent(key, signal),
    log: part('runner'),
    clock,
  });
  const obey = commandHandler({ agent, runner, journal, log: part('commands') });
  for (const verb of ['cancel', 'drain', 'resume']) bus.serve(subjects.control(agent, verb), obey);
  const tasks = {
    agent,
    runner,
    journal,
    log: part('tasks'),
  };
  const subscriptions = agentConsumersOf(fleet, agent).flatMap(({ stream, durable }) => {
    if (stream === streamNames.tasks) {
      return new Subscription({
        bus,
        stream,
        durable,
        concurrency: manifest.limits.concurrency,
        confirms: true,
        // While the gateway is away, work waits on the bus, where its deadline still counts.
        open: () => harness.health().ready && journal.duty.takesWork,
        handle: taskHandler(tasks),
        log: part('tasks'),
        clock,
      });
    }
    if (!chatSide) return [];
    const { deliver } = chatSide;
    return new Subscription({
      bus,
      stream,
      durable,
      concurrency: 1,
      confirms: true,
      handle: deliver,
      log: part('deliveries'),
      clock,
    });
  });

  const peerParts: Part[] = [bus, ...(chatSide ? [chatSide.chat] : []), harness];
  const peers = (): PartHealth[] => peerParts.map((peer) => ({ name: peer.name, ...peer.health() }));
  const health = (): PartHealth[] => lifecycle.health();
  const metrics = new Metrics(health);
  metrics.gauge('olympus_outbox_pending', 'Effects written down and not yet sent', 'lane', () => ({
    bus: outbox.pending('bus'),
    chat: outbox.pending('chat'),
    upload: outbox.pending('upload'),
  }));
  metrics.gauge('olympus_runs_under_way', 'Runs this agent is at work on', 'agent', () => ({
    [agent]: runner.runIds.length,
  }));

  const lifecycle = new Lifecycle(
    [
      journal,
      new HealthServer({ port: config.OLYMPUS_HEALTH_PORT, parts: health, metrics: () => metrics.render() }),
      bus,
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
        conditions: peers,
        runIds: () => runner.runIds,
        takesWork: () => journal.duty.takesWork,
        account: () => chatSide?.chat.me,
        log: part('heartbeat'),
        clock,
      }),
      ...subscriptions,
      new Resume(tasks),
    ],
    log,
  );
  return lifecycle;
}
