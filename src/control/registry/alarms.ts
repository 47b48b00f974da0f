import { isDeepStrictEqual } from 'node:util';
import type { Heartbeat } from '#core/messages/heartbeat.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';

type Said = Heartbeat['data'];

/** An alarm, and the end of one, is told only so often an hour: the record is no place for an agent to fill. */
const TOLD_AN_HOUR = 60;
const HOUR_MS = 3_600_000;
const WHY_LIMIT = 1000;

/**
 * Tells all, once, that something of an agent is in alarm, that something else is as well, and that nothing is any more.
 * What may not be told now is told with a later heartbeat, if it is still so.
 */
export async function tellAlarms(
  tx: Repositories,
  context: ControlContext,
  known: AgentRecord | undefined,
  said: Said,
): Promise<void> {
  const before = await tx.agents.toldAlarms(said.agent);
  const alarms = alarmsOf(said);
  const names = alarms.map(({ name }) => name).toSorted();
  if (isDeepStrictEqual(before, names)) return;
  const what = alarms.length > 0 ? 'alarm' : 'alarm-over';
  if ((await tx.audit.countOf('agent', said.agent, what, context.now() - HOUR_MS)) >= TOLD_AN_HOUR) return;
  const why = alarms.length > 0 ? alarms.map(sentenceOf) : before.map((name) => endOf(name, said));
  await tx.agents.tellAlarms(said.agent, names);
  await record(tx, context, {
    who: `agent/${said.agent}`,
    what,
    entity: 'agent',
    entityId: said.agent,
    state: known?.drain ? 'drained' : 'working',
    why: why.join('; ').slice(0, WHY_LIMIT),
    agent: said.agent,
  });
}

function sentenceOf({ name, reason }: Said['conditions'][number]): string {
  return `${name}: ${reason ?? 'it does not say why'}`;
}

/** A daemon that was started anew raises none yet, whether or not what is missing is there again. */
function endOf(name: string, said: Said): string {
  const now = said.conditions.find((each) => each.name === name);
  if (now && !now.ready) return `${name} is not ready, and raises no alarm any more: ${now.reason}`;
  return `${name} is ready again`;
}

function alarmsOf({ conditions }: Said): Said['conditions'] {
  return conditions.filter(({ alarm }) => alarm === true);
}
