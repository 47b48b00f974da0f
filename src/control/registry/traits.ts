import { isDeepStrictEqual } from 'node:util';
import type { Heartbeat } from '#core/messages/heartbeat.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';
import { tellAlarms } from './alarms.ts';

type Said = Heartbeat['data'];
/** What an agent is, of all that its heartbeats say: what others decide by. The rest is how it is doing. */
type Traits = Pick<Said, 'role' | 'domains' | 'version' | 'limits' | 'delegatesTo'>;

/** An agent becomes another only so often an hour: the record is no place for it to fill. */
const CHANGES_AN_HOUR = 60;
const HOUR_MS = 3_600_000;
const WHY_LIMIT = 1000;

/**
 * The heartbeat as it counts. One that makes its agent another too often within an hour has it stay what it was; it says
 * the same again with the next one, and is believed later.
 */
export async function believed(
  store: Store,
  known: AgentRecord | undefined,
  said: Said,
  now: number,
): Promise<Said> {
  if (!known || isSame(known.heartbeat, said)) return said;
  const { audit } = store.read;
  const changes = await audit.countOf('agent', said.agent, 'change', now - HOUR_MS);
  return changes < CHANGES_AN_HOUR ? said : { ...said, ...traitsOf(known.heartbeat) };
}

/** Keeps what an agent said last; that it is new, is another than before, or raises an alarm is on record. */
export async function heardFrom(
  tx: Repositories,
  context: ControlContext,
  said: Said,
  at: number,
): Promise<void> {
  const known = await tx.agents.byName(said.agent);
  await tx.agents.seen(said, at);
  if (!known || !isSame(known.heartbeat, said)) {
    await record(tx, context, {
      who: `agent/${said.agent}`,
      what: known ? 'change' : 'register',
      entity: 'agent',
      entityId: said.agent,
      state: known?.drain ? 'drained' : 'working',
      why: differences(known?.heartbeat, said).slice(0, WHY_LIMIT),
      agent: said.agent,
    });
  }
  await tellAlarms(tx, context, known, said);
}

function isSame(one: Said, other: Said): boolean {
  return isDeepStrictEqual(traitsOf(one), traitsOf(other));
}

function differences(before: Said | undefined, after: Said): string {
  const was: Partial<Traits> = before ? traitsOf(before) : {};
  const is = traitsOf(after);
  return (['role', 'domains', 'version', 'limits', 'delegatesTo'] as const)
    .filter((name) => !isDeepStrictEqual(was[name], is[name]))
    .map((name) => `${name} ${JSON.stringify(is[name])}${before ? `, was ${JSON.stringify(was[name])}` : ''}`)
    .join('; ');
}

function traitsOf({ role, domains, version, limits, delegatesTo }: Said): Traits {
  return { role, domains, version, limits, delegatesTo };
}
