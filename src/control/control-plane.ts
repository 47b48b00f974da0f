import { bucketNames, controlDurable, streamNames } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { putValue } from '#integrations/nats/buckets.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { type BusMessage, Subscription } from '#integrations/nats/subscription.ts';
import type { Clock } from '#lib/clock.ts';
import { Lifecycle, type PartHealth } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Metrics } from '#lib/metrics.ts';
import type { AdmissionOptions } from './admission/admission.ts';
import { byKind } from './admission/by-kind.ts';
import { requestHandler } from './admission/requests.ts';
import { revisionHandler } from './admission/revise.ts';
import { ApiServer } from './api/api-server.ts';
import { createApi } from './api/app.ts';
import { ApiTokens } from './api/tokens.ts';
import { Cards } from './approvals/cards.ts';
import { Expiry } from './approvals/expiry.ts';
import { readPolicies } from './approvals/policies.ts';
import { decisionRequestHandler } from './approvals/request-handler.ts';
import { Artifacts } from './artifacts/artifacts.ts';
import { cancelOrders } from './cancel/orders.ts';
import { chatCommandHandler } from './chat/handler.ts';
import { refusalByStanding } from './chat/standing.ts';
import { Commander } from './commands/commander.ts';
import type { ControlConfig } from './config.ts';
import { advisoryHandler } from './dead-letters/advisories.ts';
import { DeadLetters } from './dead-letters/dead-letters.ts';
import { Letters } from './dead-letters/letters.ts';
import { Sweep } from './dead-letters/sweep.ts';
import { delegationHandler } from './delegation/request-handler.ts';
import { Dependents } from './dependencies/dependents.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { dutyOrders } from './drain/orders.ts';
import { githubSide } from './github/github-side.ts';
import { LostAgents } from './lost/lost-agents.ts';
import { outboxRelay } from './outbox-relay.ts';
import { heartbeatHandler } from './registry/registry.ts';
import type { ControlSecrets } from './secrets.ts';
import { onEnd } from './settle/on-end.ts';
import { resultHandler } from './settle/results.ts';
import { runEventHandler } from './settle/run-events.ts';
import { Store } from './store/store.ts';
import type { ControlContext } from './tasks/advance.ts';
import { Topology } from './topology/topology.ts';

export interface ControlPlaneOptions {
  readonly config: ControlConfig;
  /** The CA of nats-server, as PEM. */
  readonly busCa?: string | undefined;
  readonly secrets: ControlSecrets;
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** How many messages of each kind may be on their way at once, in and out. */
const AT_ONCE = 64;

/** Builds olympus-control: every part of it, in start order. */
export function createControlPlane(options: ControlPlaneOptions): Lifecycle {
  const { config, secrets, version, log, clock } = options;
  const fleet = config.OLYMPUS_FLEET;
  const part = (name: string): Logger => log.child({ part: name });
  const now = (): number => clock.now();
  const cards = config.OLYMPUS_CARDS_URL
    ? new Cards({ url: new URL('/chat/press', config.OLYMPUS_CARDS_URL).href, secret: secrets.apiToken })
    : undefined;
  const policies = readPolicies(config.OLYMPUS_POLICIES_FILE);
  const context: ControlContext = { fleet, subjects: subjectsOf(fleet), now, onEnd, cards, policies };

  const store = new Store({ stateDir: config.OLYMPUS_STATE_DIR, clock });
  const bus = new BusConnection({
    url: config.OLYMPUS_NATS_URL,
    ca: options.busCa,
    name: 'olympus-control',
    seed: secrets.busSeed,
    log: part('bus'),
    clock,
  });
  const topology = new Topology({ fleet, bus, store, log: part('topology'), clock });
  const relay = outboxRelay({ store, bus, atOnce: AT_ONCE, log: part('outbox'), clock });
  const onAdded = (): void => relay.wake();
  const dispatcher = new Dispatcher({ store, context, onAdded, log: part('dispatcher'), clock });
  const onDecided = (): void => {
    relay.wake();
    dispatcher.wake();
  };

  const deadLetters = new DeadLetters({ bus, store, context, log: part('dead letters') });
  const consume = (stream: string, handle: (message: BusMessage) => Promise<void>, batch = 1): Subscription =>
    new Subscription({
      bus,
      stream,
      durable: controlDurable,
      concurrency: 1,
      batch,
      confirms: false,
      open: () => topology.ready,
      handle,
      log: part(stream),
      clock,
    });
  const admission: AdmissionOptions = {
    store,
    context,
    deadLetters,
    deadlineMs: config.OLYMPUS_TASK_DEADLINE_MS,
    approvalMs: config.OLYMPUS_APPROVAL_MS,
    perMinute: config.OLYMPUS_REQUESTS_PER_MINUTE,
    pairPerDay: config.OLYMPUS_PAIR_PER_DAY,
    access: config.OLYMPUS_CHAT_ACCESS,
    onDecided,
    log: part('admission'),
  };
  const artifacts = new Artifacts({ bus, store, now });
  const settling = { store, context, deadLetters, log: part('settle') };
  const { OLYMPUS_RETRY_SCALE: retryScale } = config;
  const results = resultHandler({ ...settling, artifacts, admission, retryScale, onSettled: onDecided });
  const runEvents = runEventHandler({ ...settling, onMoved: onDecided });
  const heartbeats = heartbeatHandler({
    store,
    deadLetters,
    context,
    ensureAgent: (name) => topology.ensureAgent(name),
    publish: (view) => putValue(bus, bucketNames.agents, view.name, view),
    onTold: onAdded,
    onChanged: onDecided,
    onDisagrees: () => commander.wake(),
    log: part('registry'),
  });

  const asked = decisionRequestHandler({
    store,
    context,
    deadLetters,
    onTaken: onDecided,
    log: part('approvals'),
  });
  const revisions = revisionHandler({
    store,
    context,
    deadLetters,
    onRevised: () => onDutyChanged(),
    log: part('admission'),
  });
  const expiry = new Expiry({ store, context, onExpired: onDecided, log: part('approvals'), clock });

  const exhausted = { bus, store, context, deadLetters, onBuried: onAdded };
  const advisories = advisoryHandler({
    ...exhausted,
    onTaskEnded: () => sweep.wake(),
    log: part('dead letters'),
  });
  const sweep = new Sweep({
    ...exhausted,
    ready: () => topology.ready,
    everyMs: config.OLYMPUS_SWEEP_MS,
    log: part('sweep'),
    clock,
  });
  const commander = new Commander({
    sources: [() => dutyOrders(store, context), () => cancelOrders(store, context)],
    context,
    bus,
    log: part('commander'),
    clock,
  });
  const dependents = new Dependents({
    store,
    context,
    everyMs: config.OLYMPUS_SWEEP_MS,
    onSettled: onDecided,
    log: part('dependents'),
    clock,
  });
  const lost = new LostAgents({
    store,
    context,
    hears: () => bus.connected && topology.ready,
    afterMs: config.OLYMPUS_AGENT_LOST_MS,
    everyMs: config.OLYMPUS_SWEEP_MS,
    onMoved: onAdded,
    log: part('lost agents'),
    clock,
  });
  const onDutyChanged = (): void => {
    commander.wake();
    onDecided();
  };
  const workflows = {
    dir: config.OLYMPUS_WORKFLOWS_DIR,
    onStarted(): void {
      dependents.wake();
      onDecided();
    },
  };
  const letters = new Letters({
    bus,
    store,
    context,
    deadlineMs: config.OLYMPUS_TASK_DEADLINE_MS,
    onQueued: onDecided,
  });

  const tokens = new ApiTokens({
    fullToken: secrets.apiToken,
    file: config.OLYMPUS_API_TOKENS_FILE,
    log: part('api'),
  });
  const chatCommands = chatCommandHandler({ admission, tokens, onObeyed: onDutyChanged });

  const github = githubSide({
    config,
    secrets,
    store,
    admission,
    onTaken: onDutyChanged,
    log: part('github'),
    clock,
  });

  const health = (): PartHealth[] => lifecycle.health();
  const metrics = new Metrics(health);
  const app = createApi({
    store,
    agents: { store, context, onChanged: onDutyChanged, log: part('api') },
    tasks: { admission, onCancelled: () => commander.wake() },
    workflows: { ...workflows, admission },
    approvals: { store, context, onDecided },
    presses: cards && {
      store,
      context,
      cards,
      from: config.OLYMPUS_CARDS_FROM,
      tokens,
      refusal: refusalByStanding({ context, bus, log: part('api'), clock }),
      onDecided,
      log: part('api'),
    },
    webhook: github?.webhook,
    githubTokens: { store, context, identities: github?.identities, log: part('github') },
    letters,
    artifacts,
    tokens,
    version,
    clock,
    health,
    metrics: () => metrics.render(),
    log: part('api'),
  });

  const lifecycle = new Lifecycle(
    [
      store,
      bus,
      topology,
      relay,
      dispatcher,
      consume(streamNames.heartbeat, heartbeats),
      consume(
        streamNames.requests,
        byKind(
          {
            approval: asked,
            question: asked,
            delegation: delegationHandler(admission),
            'chat-command': chatCommands,
            'task-revise': revisions,
          },
          requestHandler(admission, workflows),
        ),
        AT_ONCE,
      ),
      consume(streamNames.runlog, runEvents, AT_ONCE),
      consume(streamNames.results, results, AT_ONCE),
      consume(streamNames.advisory, advisories),
      expiry,
      sweep,
      dependents,
      lost,
      commander,
      ...(github?.parts ?? []),
      new ApiServer(app, tokens, { host: config.OLYMPUS_API_HOST, port: config.OLYMPUS_API_PORT }),
    ],
    log,
  );
  return lifecycle;
}
