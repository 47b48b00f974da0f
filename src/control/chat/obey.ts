import { type ChatCommand, quotable, unmentioning } from '#core/chat-command.ts';
import type { Conversation } from '#core/conversation.ts';
import type { AdmissionOptions } from '../admission/admission.ts';
import { tryAgain } from '../admission/try-again.ts';
import { decideApproval, type Wish } from '../approvals/decide.ts';
import { cancelTask } from '../cancel/cancel.ts';
import { drainAgent, resumeAgent } from '../drain/drain.ts';
import { agentView } from '../registry/registry.ts';
import { stopAll } from '../stop-all/stop-all.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { whyNow } from '../tasks/why-now.ts';
import { has, refusalFor, type Speaker } from './may.ts';
import { helpText, statusText, tasksText, whyText } from './texts.ts';
import { whichApproval, whichTask } from './which.ts';

/** Somebody's command, and where it was said. */
export interface Said {
  readonly command: ChatCommand;
  readonly speaker: Speaker;
  readonly conversation: Conversation;
  /** When (Unix ms). */
  readonly saidAt: number;
}

/** More would not be read in chat. */
const SHOWN = 20;
/** How far back one looks for what somebody may see. */
const LOOKED_AT = 500;
const EVERYBODY = 'all';

/** Does what somebody with the right to it said, in the caller's transaction; the answer is what they are told. */
export async function obey(tx: Repositories, admission: AdmissionOptions, said: Said): Promise<string> {
  const { command, speaker } = said;
  const { verb, rest } = command;
  const { context } = admission;
  switch (verb) {
    case 'help':
      return helpText();
    case 'status': {
      const agents = (await tx.agents.list()).map((agent) => agentView(agent, context.now()));
      return statusText(context.fleet, agents, await tx.tasks.openByState());
    }
    case 'tasks': {
      const open = await tx.tasks.list({ open: true, limit: LOOKED_AT });
      const seen = open.filter((task) => isShown(task, said));
      return tasksText(seen.slice(0, SHOWN), seen.length > SHOWN || open.length === LOOKED_AT, context.now());
    }
    case 'why':
      return withTask(tx, said, async (task) =>
        isShown(task, said)
          ? whyText(await whyNow(tx, task, context.now()))
          : `\`${task.id}\` is **${task.state}**. It is of another channel: ask me for more in a direct message.`,
      );
    case 'cancel':
      return withTask(tx, said, async (task) => {
        const outcome = await cancelTask(tx, context, task, { by: speaker.name, why: rest || undefined });
        if (outcome.kind === 'refused') return `\`${task.id}\` stays as it is: ${outcome.sentence}.`;
        return `\`${task.id}\` is **${outcome.task.state}**.`;
      });
    case 'retry':
      return withTask(tx, said, async (task) => {
        const outcome = await tryAgain(tx, admission, task, { by: speaker.name, why: rest || undefined });
        if (outcome.kind === 'refused')
          return `\`${outcome.task.id}\` is not tried again: ${quotable(outcome.sentence, 200)}.`;
        return `\`${outcome.task.id}\` is **${outcome.task.state}**.`;
      });
    case 'approve':
    case 'deny':
    case 'answer':
      return decide(tx, admission, said, verb);
    case 'pause':
    case 'resume':
      return setDuty(tx, admission, said, verb);
    case 'stop-all': {
      const refusal = refusalFor(speaker, verb);
      if (refusal) return refusal;
      const why = rest || 'everything was stopped';
      const { runs, agents } = await stopAll(tx, context, { by: speaker.name, why });
      return `Stopped: ${runs} ${runs === 1 ? 'run is' : 'runs are'} being ended, and ${listOf(agents)} ${agents.length === 1 ? 'gets' : 'get'} no new work. What is queued is kept; \`!olympus resume all\` lets it go on.`;
    }
    default:
      return verb satisfies never;
  }
}

/** What belongs to this channel, where others read along; in a direct message one's own, or with the scope for it anything. */
function isShown(task: TaskRecord, { speaker, conversation }: Said): boolean {
  if (task.conversation?.channelId === conversation.channelId) return true;
  const isDirect = conversation.rootId === '';
  return isDirect && (task.requester.id === speaker.id || has(speaker, 'read'));
}

async function withTask(
  tx: Repositories,
  said: Said,
  work: (task: TaskRecord) => Promise<string>,
): Promise<string> {
  const { command, speaker, conversation } = said;
  const which = await whichTask(tx, command.target, conversation.id);
  if (which.kind === 'not') return which.sentence;
  return refusalFor(speaker, command.verb, which.it) ?? work(which.it);
}

async function decide(
  tx: Repositories,
  { context }: AdmissionOptions,
  said: Said,
  verb: 'approve' | 'deny' | 'answer',
): Promise<string> {
  const { command, speaker, conversation, saidAt } = said;
  const which = await whichApproval(tx, command.target, { conversationId: conversation.id, saidAt });
  if (which.kind === 'not') return which.sentence;
  const { approval, task } = which.it;
  const refusal = refusalFor(speaker, verb, task);
  if (refusal) return refusal;
  const base = { by: speaker.name, isNamed: true, why: command.rest || undefined };
  // An id stands for exactly one action: what is changed is asked for anew, and has another.
  const wishes: Readonly<Record<typeof verb, Wish>> = {
    approve: { ...base, event: 'approve', hash: approval.hash },
    deny: { ...base, event: 'deny' },
    answer: { ...base, event: 'answer', answer: command.rest },
  };
  const decided = await decideApproval(tx, context, approval, wishes[verb]);
  if (decided.kind === 'refused')
    return `\`${approval.id}\` stays as it is: ${unmentioning(decided.sentence)}.`;
  const { asks, state } = decided.approval;
  if (state === 'pending') {
    const { gate, approvedBy } = decided.approval;
    return `\`${approval.id}\`: **pending**, ${approvedBy.length} of ${gate?.approvals ?? 1} approvals.`;
  }
  if (!task || !isShown(task, said)) return `\`${approval.id}\`: **${state}**.`;
  const what = 'action' in asks ? `${asks.action.kind} on ${asks.action.target}` : asks.question.text;
  return `**${state}**: \`${quotable(what)}\``;
}

async function setDuty(
  tx: Repositories,
  { context }: AdmissionOptions,
  { command, speaker }: Said,
  verb: 'pause' | 'resume',
): Promise<string> {
  const refusal = refusalFor(speaker, verb);
  if (refusal) return refusal;
  const { target = '', rest } = command;
  const known = await tx.agents.list();
  const meant = target === EVERYBODY ? known : known.filter(({ name }) => name === target);
  if (meant.length === 0) {
    const names = known.map(({ name }) => name);
    return `I know no agent \`${quotable(target)}\`. There is: ${listOf(names)}.`;
  }
  const set = (agent: AgentRecord): Promise<void> =>
    verb === 'pause'
      ? drainAgent(tx, context, agent, { by: speaker.name, why: rest || 'no reason was given' })
      : resumeAgent(tx, context, agent, { by: speaker.name });
  for (const agent of meant) await set(agent);
  const names = listOf(meant.map(({ name }) => name));
  const does = meant.length === 1 ? ['brings', 'gets', 'takes'] : ['bring', 'get', 'take'];
  return verb === 'pause'
    ? `${names} ${does[1]} no new work, and ${does[0]} to an end what is under way.`
    : `${names} ${does[2]} work again.`;
}

function listOf(names: readonly string[]): string {
  return names.length > 0 ? names.map((name) => `**${name}**`).join(', ') : 'no agent';
}
