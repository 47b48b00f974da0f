import { type Action, canonicalJson } from '#core/action.ts';
import { unmentioning } from '#core/chat-command.ts';
import type { ApprovalRecord } from '../store/approval-repository.ts';

type Asked = Pick<ApprovalRecord, 'id' | 'asks' | 'summary' | 'taskId' | 'runId' | 'expiresAt' | 'gate'>;

/** Longest parameters that a message in chat shows; the command shows all of them. */
const SHOWN_LIMIT = 1000;
/** Longest parameter that stands before all longer ones. */
const SHORT_LIMIT = 300;

/** What the conversation is told when people have to decide something, and how they do that. An agent's words in it mention nobody. */
export function askingText(asked: Asked, hasButtons: boolean): string {
  const { id, asks, taskId, runId, expiresAt } = asked;
  const what = unmentioning(askedText(asked));
  const until = new Date(expiresAt).toISOString();
  const task = `(task \`${taskId}\`)`;
  const buttons = hasButtons ? 'Press a button below, or ' : '';
  if ('question' in asks) {
    return `${what}\n${buttons}${hasButtons ? 'answer' : 'Answer'} with \`olympus answer ${id}\`, or here with \`!olympus answer\` and your answer. Without one until ${until} I go on without it. ${task}`;
  }
  const decide = `${buttons}${hasButtons ? 'look' : 'Look'} at it and approve it with \`olympus approve ${id}\`, or refuse it with \`olympus deny ${id}\`; here, write \`!olympus approve\` or \`!olympus deny\`.`;
  const undecided = runId === undefined ? 'it expires' : 'it counts as denied';
  return `${what}\n${decide} Undecided at ${until} ${undecided}. ${task}`;
}

/** What stands on a card once there is nothing to press any more: what was asked, and what became of it. */
export function closedText(approval: ApprovalRecord): string {
  return `${unmentioning(askedText(approval))}\n${decidedText(approval)}`;
}

function askedText({ asks, summary, runId, gate }: Omit<Asked, 'id'>): string {
  if ('question' in asks) {
    const choices = asks.question.choices?.map((choice) => `\n- ${choice}`).join('') ?? '';
    return `I need an answer to go on: ${asks.question.text}${choices}`;
  }
  if (runId === undefined) {
    return `This comes from outside, so a person has to approve it before I begin.${gateText(gate)}`;
  }
  return `I need a decision to go on: ${summary}\n${actionText(asks.action)}${gateText(gate)}`;
}

function gateText(gate: Asked['gate']): string {
  if (!gate) return '';
  const who = gate.approvers ? ` of ${gate.approvers.map((name) => `**${name}**`).join(', ')}` : '';
  const many = gate.approvals === 1 ? 'one approval' : `approvals by ${gate.approvals} people`;
  return `\nThis has to pass the gate **${gate.name}**: it takes ${many}${who}.`;
}

/** What the conversation is told once it is decided, or nobody has decided in time. */
export function decidedText(approval: ApprovalRecord): string {
  return `${unmentioning(decisionSentence(approval))} (task \`${approval.taskId}\`)`;
}

/** What the conversation is told of something that needs nobody's approval. */
export function doingText({
  asks,
  summary,
  taskId,
}: Pick<ApprovalRecord, 'asks' | 'summary' | 'taskId'>): string {
  const what = 'action' in asks ? ` (${asks.action.kind} on ${asks.action.target})` : '';
  return `${unmentioning(`I do this without asking, as the policies say: ${summary}${what}`)} (task \`${taskId}\`)`;
}

/** Who decided: where it took several to approve, all of them. */
export function decidersOf({
  state,
  decidedBy,
  approvedBy,
}: Pick<ApprovalRecord, 'state' | 'decidedBy' | 'approvedBy'>): string | undefined {
  return state === 'approved' && approvedBy.length > 1 ? approvedBy.join(' and ') : decidedBy;
}

/** What was decided about what, as one sentence. */
export function decisionSentence(approval: ApprovalRecord): string {
  const { state, asks, why, answer, gate, approvedBy } = approval;
  const what = 'action' in asks ? `${asks.action.kind} on ${asks.action.target}` : `“${asks.question.text}”`;
  const people = decidersOf(approval);
  const who = people ? ` by ${people}` : '';
  const because = why ? `, because: ${why}` : '';
  switch (state) {
    case 'answered':
      return `Answered${who}: ${what} – ${answer ?? ''}`;
    case 'approved':
      return `Approved${who}: ${what}${because}.`;
    case 'denied':
      return `Denied${who}: ${what}${because}.`;
    case 'expired':
      return `Denied, because nobody decided in time: ${what}.`;
    case 'withdrawn':
      return `Withdrawn: ${what}${because}.`;
    case 'pending':
      if (!gate || approvedBy.length === 0) return `Not decided yet: ${what}.`;
      return `Approved by ${approvedBy.join(', ')}, ${approvedBy.length} of ${gate.approvals}: ${what}. It waits for somebody else to approve it too.`;
    default:
      return state satisfies never;
  }
}

/** The parameters of an action, as far as they are shown outside of the command: short ones first, which a long one would hide. */
export function shownParams({ params }: Action): string {
  const each = Object.keys(params)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(params[key])}`);
  const isShort = (text: string): boolean => text.length <= SHORT_LIMIT;
  const all = `{${[...each.filter(isShort), ...each.filter((text) => !isShort(text))].join(',')}}`;
  return all.length > SHOWN_LIMIT ? `${all.slice(0, SHOWN_LIMIT)}… (cut; the command shows it whole)` : all;
}

function actionText(action: Action): string {
  const { kind, target } = action;
  const shown = shownParams(action);
  // Nothing an agent writes may end the code block that keeps it from being read as anything else.
  return `\`\`\`\n${`${kind} on ${target}\n${shown}`.replaceAll('`', "'")}\n\`\`\``;
}
