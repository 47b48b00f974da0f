import { isDeepStrictEqual } from 'node:util';
import type { AgentView } from '#core/api.ts';
import { parseMessage } from '#core/envelope.ts';
import { Heartbeat } from '#core/messages/heartbeat.ts';
import { authorOf } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { Logger } from '#lib/log.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { wantedVerb } from '../drain/wanted-verb.ts';
import type { AgentRecord, Drain } from '../store/agent-repository.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { believed, heardFrom } from './traits.ts';

export interface RegistryOptions {
  readonly store: Store;
  readonly deadLetters: DeadLetters;
  readonly context: ControlContext;
  /** Makes the agent's consumers exist before it is called known. */
  readonly ensureAgent: (name: string) => Promise<void>;
  /** Shows others on the bus what became known of an agent. */
  readonly publish: (view: AgentView) => Promise<void>;
  /** Called when something new of an agent was written down, which the bus is to be told. */
  readonly onTold: () => void;
  /** Called when an agent is new or takes another number of runs. */
  readonly onChanged: () => void;
  /** Called when an agent takes work that is not to, or does not though it may. */
  readonly onDisagrees: () => void;
  readonly log: Logger;
}

/** After this many missed heartbeats an agent is called silent. */
const MISSED_HEARTBEATS = 3;

/** Handles heartbeats: the registry of agents is made of nothing else. A second delivery writes the same again. */
export function heartbeatHandler(options: RegistryOptions): (message: BusMessage) => Promise<void> {
  const { store, deadLetters, context, ensureAgent, publish, onTold, onChanged, onDisagrees, log } = options;
  return async (message) => {
    const parsed = parseMessage(message.body, [Heartbeat]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== authorOf(message.subject)) {
      return deadLetters.giveUp(message, parsed);
    }
    const said = parsed.message.data;
    const known = await store.read.agents.byName(said.agent);
    const heartbeat = await believed(store, known, said, context.now());
    if (heartbeat !== said) log.warn({ agent: said.agent }, 'agent says too often that it is another');
    const changed = known?.heartbeat.limits.concurrency !== heartbeat.limits.concurrency;
    if (!known) await ensureAgent(heartbeat.agent);
    // The time it was sent, not the time it was read: an old heartbeat read after an outage is not a sign of life.
    const lastSeenAt = Math.min(context.now(), Date.parse(parsed.message.time));
    const record = { name: heartbeat.agent, heartbeat, lastSeenAt, drain: known?.drain };
    const isNews = !known || !looksTheSame(known, record);
    if (isNews) await publish(agentView(record, lastSeenAt));
    await store.transaction((tx) => heardFrom(tx, context, heartbeat, lastSeenAt));
    if (isNews) onTold();
    if (changed) {
      log.info({ agent: heartbeat.agent, concurrency: heartbeat.limits.concurrency }, 'agent registered');
      onChanged();
    }
    if (wantedVerb(record)) onDisagrees();
    await message.ack();
  };
}

/** Whether two heartbeats would be shown alike, apart from when they came. */
function looksTheSame(one: AgentRecord, other: AgentRecord): boolean {
  const at = one.lastSeenAt;
  return isDeepStrictEqual(agentView(one, at), agentView({ ...other, lastSeenAt: at }, at));
}

/** An agent as the API shows it. */
export function agentView(record: AgentRecord, now: number): AgentView {
  const { heartbeat, drain } = record;
  const silent = now - record.lastSeenAt > MISSED_HEARTBEATS * heartbeat.everyMs;
  return {
    name: record.name,
    role: heartbeat.role,
    domains: heartbeat.domains,
    version: heartbeat.version,
    phase: silent ? 'Silent' : heartbeat.ready ? 'Ready' : 'NotReady',
    conditions: heartbeat.conditions.map(({ name, ready, alarm, reason }) => ({
      name,
      ready,
      ...(alarm ? { alarm } : {}),
      ...(reason ? { reason } : {}),
    })),
    runs: heartbeat.runs.length,
    concurrency: heartbeat.limits.concurrency,
    lastSeenAt: new Date(record.lastSeenAt).toISOString(),
    ...(drain ? { drain: drainView(drain, heartbeat.duty) } : {}),
  };
}

function drainView({ by, why, since }: Drain, duty: Heartbeat['data']['duty']): AgentView['drain'] {
  const state = duty === 'drained' ? 'drained' : 'draining';
  return { state, by, ...(why ? { why } : {}), since: new Date(since).toISOString() };
}
