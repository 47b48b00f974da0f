import path from 'node:path';
import type { Harness } from '#core/harness.ts';
import type { Manifest } from '#core/manifest.ts';
import { agentConsumersOf } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { Subscription } from '#integrations/nats/subscription.ts';
import { createOpenclawHarness } from '#integrations/openclaw/harness.ts';
import type { Clock } from '#lib/clock.ts';
import { HealthServer } from '#lib/health-server.ts';
import { Lifecycle, type Part, type PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Metrics } from '#lib/metrics.ts';
import { Relay } from '#lib/relay.ts';
import type { AgentConfig } from './config.ts';
import { Journal } from './journal/journal.ts';
import { Attention } from './parts/attention.ts';
import { commandHandler } from './parts/commands.ts';
import { deliveryHandler } from './parts/deliveries.ts';
import { HeartbeatPart } from './parts/heartbeat.ts';
import { Inbox } from './parts/inbox.ts';
import { Notices } from './parts/notices.ts';
import { Runner } from './parts/runner.ts';
import { busSender } from './parts/send-bus.ts';
import { chatSender } from './parts/send-chat.ts';
import { type ControlApi, uploadSender } from './parts/send-upload.ts';
import { Resume, taskHandler } from './parts/tasks.ts';

export interface DaemonOptions {
  readonly config: AgentConfig;
  readonly manifest: Manifest;
  /** The CA of nats-server, as PEM. */
  readonly busCa?: string | undefined;
  readonly secrets: { readonly busSeed: string; readonly chatToken: string; readonly gatewayToken: string };
  /** Where answers go that do not fit into a message. */
  readonly controlApi?: ControlApi;
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Builds olympusd: every part of it, in start order. */
export function createDaemon(options: DaemonOptions): Lifecycle {
  const { config, manifest, secrets, version, log, clock } = options;
  const fleet = config.OLYMPUS_FLEET;
  const agent = manifest.name;
  const subjects = subjectsOf(fleet);
  const part = (name: string): Logger => log.child({ part: name });

  const journal = new Journal({ stateDir: path.join(config.OLYMPUS_STATE_DIR), clock });
  const bus = new BusConnection({
    url: config.OLYMPUS_NATS_URL,
    ca: options.busCa,
    name: `olympusd ${agent}`,
    seed: secrets.busSeed,
    inboxPrefix: `_INBOX_${agent}`,
    log: part('bus'),
    clock,
  });
  const chat = new MattermostChat({
    url: config.OLYMPUS_MATTERMOST_URL,
    token: secrets.chatToken,
    pingEveryMs: config.OLYMPUS_CHAT_PING_MS,
    onPosted: (event) => inbox.posted(event),
    onGap: () => inbox.gap(),
    log: part('chat'),
    clock,
  });
  const harness: Harness & Part = createOpenclawHarness({
    url: config.OLYMPUS_OPENCLAW_URL,
    token: secrets.gatewayToken,
    log: part('openclaw'),
    clock,
  });

  const { outbox } = journal;
  const busRelay = new Relay({
    name: 'outbox bus',
    source: outbox.source('bus'),
    send: busSender(bus, log),
    log: part('outbox bus'),
    clock,
  });
  const chatRelay = new Relay({
    name: 'outbox chat',
    source: outbox.source('chat'),
    send: chatSender(chat, outbox, log),
    log: part('outbox chat'),
    clock,
  });
  const uploadRelay = new Relay({
    name: 'outbox upload',
    source: outbox.source('upload'),
    send: uploadSender({
      api: options.controlApi,
      outbox,
      onAdded: () => busRelay.wake(),
      log: part('outbox upload'),
    }),
    log: part('outbox upload'),
    clock,
  });
  const onAdded = (): void => {
    chatRelay.wake();
    uploadRelay.wake();
    busRelay.wake();
  };
  const inbox = new Inbox({
    fleet,
    manifest,
    subjects,
    serverName: new URL(config.OLYMPUS_MATTERMOST_URL).host,
    chat,
    journal,
    onAdded,
    log: part('inbox'),
    clock,
  });
  const attention = new Attention({
    chat,
    progressTimeoutMs: config.OLYMPUS_PROGRESS_TIMEOUT_MS,
    harnessReady: () => harness.health().ready,
    clock,
    log: part('attention'),
  });
  const runner = new Runner({
    attention,
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
  bus.serve(subjects.control(agent, 'cancel'), commandHandler({ agent, runner, log: part('commands') }));
  const tasks = {
    agent,
    runner,
    log: part('tasks'),
  };
  const subscriptions = agentConsumersOf(fleet, agent).map(({ stream, durable, filter }) =>
    filter.includes('.tasks.')
      ? new Subscription({
          bus,
          stream,
          durable,
          concurrency: manifest.limits.concurrency,
          // While the gateway is away, work waits on the bus, where its deadline still counts.
          open: () => harness.health().ready,
          handle: taskHandler(tasks),
          log: part('tasks'),
          clock,
        })
      : new Subscription({
          bus,
          stream,
          durable,
          concurrency: 1,
          handle: deliveryHandler({ agent, journal, onAdded, log: part('deliveries') }),
          log: part('deliveries'),
          clock,
        }),
  );

  const peerParts: Part[] = [bus, chat, harness];
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
      chatRelay,
      uploadRelay,
      inbox,
      chat,
      new HeartbeatPart({
        fleet,
        manifest,
        subjects,
        version,
        bus,
        everyMs: config.OLYMPUS_HEARTBEAT_MS,
        conditions: peers,
        runIds: () => runner.runIds,
        account: () => chat.me,
        log: part('heartbeat'),
        clock,
      }),
      new Notices({
        journal,
        bus,
        harness,
        afterMs: config.OLYMPUS_NOTICE_AFTER_MS,
        onAdded,
        log: part('notices'),
        clock,
      }),
      ...subscriptions,
      new Resume({ ...tasks, journal }),
    ],
    log,
  );
  return lifecycle;
}
