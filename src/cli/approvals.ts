import type { ApprovalView } from '#core/api-approvals.ts';
import { APPROVAL_LIMIT, type ApiClient } from './api-client.ts';
import type { CliContext } from './context.ts';
import { age, harmless, localTime, table } from './format.ts';
import { completeId, shortIds } from './id-prefix.ts';

/** What `given` names: a whole id, or the beginning of one that no other recent one shares. */
export async function findApproval(api: ApiClient, given: string): Promise<ApprovalView> {
  const id = await completeId(given, {
    one: 'approval or question',
    many: 'approvals and questions',
    list: '`olympus approve` shows what is pending.',
    limit: APPROVAL_LIMIT,
    newest: async () => (await api.approvals({ limit: APPROVAL_LIMIT })).map((approval) => approval.id),
  });
  return api.approval(id);
}

/** What people still have to decide. */
export function printPending(pending: readonly ApprovalView[], { out, clock }: CliContext): void {
  if (pending.length === 0) {
    out.note('Nothing is to be decided.');
    return;
  }
  const ids = shortIds(pending.map(({ id }) => id));
  const [heading = '', ...lines] = table(
    ['ID', 'KIND', 'ASKED BY', 'AGE', 'LEFT', 'WHAT'],
    pending.map(({ kind, action, askedBy, createdAt, expiresAt, summary }, index) => [
      ids[index] ?? '',
      action?.kind ?? kind,
      askedBy,
      age(clock.now() - Date.parse(createdAt)),
      age(Date.parse(expiresAt) - clock.now()),
      summary,
    ]),
    out.width,
  );
  out.print(out.style('bold', heading));
  for (const line of lines) out.print(line);
}

/** One of them whole: nobody should approve what they have not seen. */
export function printApproval(
  approval: ApprovalView,
  { out }: { readonly out: Pick<CliContext['out'], 'print' | 'style'> },
): void {
  const { id, kind, state, action, question, summary, askedBy, taskId, expiresAt, hash } = approval;
  const field = (name: string, value: string): void => {
    const [first = '', ...others] = harmless(value).split('\n');
    out.print(`  ${name.padEnd(10)}${first}`);
    for (const line of others) out.print(`  ${' '.repeat(10)}${line}`.trimEnd());
  };
  out.print(out.style('bold', `${kind === 'question' ? 'Question' : 'Approval'} ${id}`));
  field('state', state);
  field('asked by', `${askedBy}, for task ${taskId}`);
  if (question) field('question', question.text);
  for (const choice of question?.choices ?? []) field('', `- ${choice}`);
  if (action) {
    field('summary', summary);
    field('kind', action.kind);
    field('target', action.target);
    field('params', JSON.stringify(action.params, null, 2));
    field('hash', hash);
  }
  if (approval.gate) field('gate', gateOf(approval));
  field('until', localTime(expiresAt));
  if (approval.decidedBy) field('decided', `${state} by ${approval.decidedBy}`);
  if (approval.answer) field('answer', approval.answer);
  if (approval.why) field('why', approval.why);
}

function gateOf({ gate = '', approvals = 1, approvedBy = [] }: ApprovalView): string {
  const by = approvedBy.length > 0 ? ` (${approvedBy.join(', ')})` : '';
  return `${gate}: ${approvedBy.length} of ${approvals} approvals${by}`;
}
