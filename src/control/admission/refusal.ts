import { type ChatAccess, type ChatAsker, type ChatPlace, withoutAccess } from '#core/chat-access.ts';
import { quotable, saysNothing } from '#core/chat-command.ts';
import { INPUT_LIMIT, type TaskCreate } from '#core/messages/task-create.ts';
import type { RejectionCode } from '#core/rejections.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { Repositories } from '../store/store.ts';
import type { AgentInChat } from '../store/talk-repository.ts';
import type { NewTask } from '../store/task-repository.ts';

/** Why a request becomes no task, with what its sentence is filled with. */
export interface Refusal {
  readonly code: RejectionCode;
  readonly values: Readonly<Record<string, string | number>>;
}

/** What a request is measured by. */
export interface RequestLimits {
  /** The most that one requester may ask within a minute. */
  readonly perMinute: number;
  /** The most that two agents may ask each other within a day. */
  readonly pairPerDay: number;
  /** Who may give work in chat, and where. */
  readonly access: ChatAccess;
}

/** A person who asks in chat, and where. */
export interface PersonInChat {
  readonly asker: ChatAsker;
  readonly place: ChatPlace;
}

/** What is looked at of a request. */
interface Measured {
  readonly task: NewTask;
  /** The agent that is asked, if there is one of that name. */
  readonly target: AgentRecord | undefined;
  /** The tasks that it is to come after. */
  readonly after: readonly string[];
  /** Who asks for it just now; what is asked again was let in before. */
  readonly person: PersonInChat | undefined;
  /** The agent that asks from within a run of its own, over the bus. */
  readonly asking: AgentRecord | undefined;
  /** What was found out about it before it came here. */
  readonly found: Refusal | undefined;
}

/** How many people who ask as often as they may one agent can bring. */
const REQUESTERS_AT_ONCE = 10;
/** How often agents may ask each other in one conversation before a person asks there again. */
const WITHOUT_PERSON = 40;
const DAY_MS = 24 * 3600 * 1000;
const UNCOUNTED = { requester: 0, author: 0 };

/**
 * The first reason why this request may not become the task; undefined where it may. Asking counts, refused or not, but for
 * what is made for another task: nobody has asked more than before.
 */
export async function refusalOf(
  tx: Repositories,
  limits: RequestLimits,
  { task, target, after, person, asking, found }: Measured,
): Promise<Refusal | undefined> {
  const { perMinute } = limits;
  const counts = task.parentId === undefined;
  const asked = counts ? await tx.asks.count(task.author, task.requester.id, task.now) : UNCOUNTED;
  // First: whatever is refused for anything else may be tried again, and whoever may not ask there is not asked about again.
  const unwanted = person && refusalOfPerson(limits.access, person);
  if (unwanted) return unwanted;
  if (found) return found;
  // Before the rest: what is refused for that keeps what it comes after, which has to exist.
  for (const id of after) {
    if (!(await tx.tasks.byId(id))) return { code: 'unknown_dependency', values: { unknown: `task ${id}` } };
  }
  if (asked.requester > perMinute) {
    return { code: 'rate_limited', values: { count: asked.requester, limit: perMinute } };
  }
  // An agent names those who ask: names that it makes up do not make room for more.
  const ofAll = perMinute * REQUESTERS_AT_ONCE;
  if (asked.author > ofAll) return { code: 'rate_limited', values: { count: asked.author, limit: ofAll } };
  if (!target) {
    const agents = await tx.agents.list();
    const known = agents.map((agent) => `\`@${agent.name}\``).join(', ') || 'no agent yet';
    return { code: 'unknown_agent', values: { agent: quotable(task.agent, 64), known } };
  }
  const refusal = asking
    ? await refusalOfAgent(tx, task, { asking, target, pairPerDay: limits.pairPerDay })
    : await refusalOfBot(tx, task, target, limits.pairPerDay);
  if (refusal) return refusal;
  if (saysNothing(task.text)) return { code: 'empty_input', values: { agent: task.agent } };
  const length = Array.from(task.text).length;
  if (length > INPUT_LIMIT) return { code: 'input_too_long', values: { length, limit: INPUT_LIMIT } };
  return undefined;
}

function refusalOfPerson(access: ChatAccess, { asker, place }: PersonInChat): Refusal | undefined {
  switch (withoutAccess(access, asker, place)) {
    case 'standing':
      return { code: 'account_standing', values: { standing: asker.standing ?? '' } };
    case 'list': {
      const where = place.isDirect ? 'in direct messages' : 'in this channel';
      return { code: 'not_on_list', values: { where } };
    }
    default:
      return undefined;
  }
}

/** The person of a request that comes from chat; undefined where it is a bot's, or comes from elsewhere. */
export function personInChat({
  requester,
  conversation,
  channel: name,
}: TaskCreate['data']): PersonInChat | undefined {
  if (requester.kind !== 'human' || !conversation) return undefined;
  const { channelId: id, rootId } = conversation;
  return { asker: requester, place: { id, name, isDirect: rootId === '' } };
}

/** Of what a bot has written in chat. */
async function refusalOfBot(
  tx: Repositories,
  task: NewTask,
  target: AgentRecord,
  pairPerDay: number,
): Promise<Refusal | undefined> {
  const { requester, conversation, now, dedupKey, author } = task;
  // What control asks in a bot's name was written nowhere: something has happened that is an agent's own.
  if (requester.kind !== 'bot' || author === CONTROL_NAME) return undefined;
  const asking = (await tx.agents.list()).find(({ heartbeat }) => heartbeat.chat?.userId === requester.id);
  if (!asking) return { code: 'foreign_bot', values: { author: quotable(requester.name, 64) } };
  // Control asks for it: a person has it tried again, or a lead takes it up. Neither is talk.
  const isTalk = !dedupKey.startsWith(`${CONTROL_NAME}:`);
  const most = isTalk ? pairPerDay : Number.POSITIVE_INFINITY;
  const refusal = await refusalOfAgent(tx, task, { asking, target, pairPerDay: most });
  if (refusal || !isTalk) return refusal;
  const alone = conversation ? await tx.talk.withoutPerson(conversation.id, now - DAY_MS) : 0;
  if (alone < WITHOUT_PERSON) return undefined;
  return { code: 'no_person', values: { count: alone, limit: WITHOUT_PERSON } };
}

/** Of what an agent asks another one, wherever. */
async function refusalOfAgent(
  tx: Repositories,
  { agent, depth, now }: NewTask,
  {
    asking,
    target,
    pairPerDay,
  }: { readonly asking: AgentRecord; readonly target: AgentRecord; readonly pairPerDay: number },
): Promise<Refusal | undefined> {
  if (asking.heartbeat.delegatesTo?.includes(agent) === false) {
    return { code: 'not_delegated', values: { author: asking.name, agent } };
  }
  const { depth: limit } = target.heartbeat.limits;
  if (depth > limit) return { code: 'too_deep', values: { depth, limit } };
  const count = await tx.talk.between(inChat(asking), inChat(target), now - DAY_MS);
  if (count < pairPerDay) return undefined;
  return { code: 'pair_limit', values: { author: asking.name, count, limit: pairPerDay } };
}

function inChat({ name, heartbeat }: AgentRecord): AgentInChat {
  return { name, account: heartbeat.chat?.userId ?? '' };
}
