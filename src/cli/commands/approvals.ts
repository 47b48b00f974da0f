import type { Command } from 'commander';
import type { ApprovalView } from '#core/api-approvals.ts';
import { APPROVAL_LIMIT, ApiClient } from '../api-client.ts';
import { findApproval, printApproval, printPending } from '../approvals.ts';
import { confirm } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import { personOf } from '../settings.ts';

const ID =
  'its id, or at least the first 8 characters where those are unique; without one, what is pending is listed';

interface Decide {
  readonly why?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `olympus approve|deny|answer`: what people decide about what agents want, and want to know. */
export function addApprovalCommands(program: Command, context: CliContext): void {
  addApprove(program, context);
  addDeny(program, context);
  addAnswer(program, context);
}

function addApprove(program: Command, context: CliContext): void {
  program
    .command('approve')
    .description('let an agent do exactly what is shown')
    .argument('[id]', ID)
    .option('--why <text>', 'what the agent is told besides')
    .option('--yes', 'do not ask: it was looked at before')
    .option('--json', 'print one JSON value')
    .addHelpText('after', '\nExamples:\n  $ olympus approve\n  $ olympus approve 019a2f3c-5d1e')
    .action(async (id: string | undefined, given: Decide) => {
      await decide(id, given, context, 'approve', (api, approval, decision) =>
        api.approve(approval.id, { ...decision, hash: approval.hash }),
      );
    });
}

function addDeny(program: Command, context: CliContext): void {
  program
    .command('deny')
    .description('refuse what an agent wants to do, or to answer it')
    .argument('[id]', ID)
    .option('--why <text>', 'what the agent is told besides')
    .option('--yes', 'do not ask: it was looked at before')
    .option('--json', 'print one JSON value')
    .action(async (id: string | undefined, given: Decide) => {
      await decide(id, given, context, 'deny', (api, approval, decision) => api.deny(approval.id, decision));
    });
}

function addAnswer(program: Command, context: CliContext): void {
  program
    .command('answer')
    .description('answer what an agent has to know')
    .argument('[id]', ID)
    .argument('[text]', 'the answer; without one the question is shown')
    .option('--json', 'print one JSON value')
    .addHelpText('after', '\nExamples:\n  $ olympus answer 019a2f3c-5d1e "the blue one"')
    .action(async (id: string | undefined, text: string | undefined, { json }: Decide) => {
      const api = new ApiClient(context);
      if (id === undefined) return list(api, context, json);
      const approval = await findApproval(api, id);
      if (text === undefined) {
        if (json) context.out.json(approval);
        else printApproval(approval, context);
        return;
      }
      const by = personOf(context.settings);
      report(await api.answer(approval.id, { by, answer: text }), context, json);
    });
}

async function decide(
  id: string | undefined,
  { why, yes = false, json }: Decide,
  context: CliContext,
  word: 'approve' | 'deny',
  send: (
    api: ApiClient,
    approval: ApprovalView,
    decision: { by: string; why?: string },
  ) => Promise<ApprovalView>,
): Promise<void> {
  const api = new ApiClient(context);
  if (id === undefined) return list(api, context, json);
  const approval = await findApproval(api, id);
  if (!json) printApproval(approval, context);
  // The answer stays one JSON value; but nobody is asked about what they do not see.
  else if (!yes) printApproval(approval, { out: aside(context) });
  await confirm(context, { what: `You are about to ${word} this.`, word, yes });
  const decision = { by: personOf(context.settings), ...(why ? { why } : {}) };
  report(await send(api, approval, decision), context, json);
}

/** Prints beside the answer. */
function aside({ out }: CliContext): Pick<CliContext['out'], 'print' | 'style'> {
  return { print: (line = '') => out.note(line), style: (style, text) => out.noteStyle(style, text) };
}

async function list(api: ApiClient, context: CliContext, json: boolean | undefined): Promise<void> {
  const pending = await api.approvals({ state: 'pending', limit: APPROVAL_LIMIT });
  if (json) context.out.json(pending);
  else printPending(pending, context);
}

function report(approval: ApprovalView, { out }: CliContext, json: boolean | undefined): void {
  const { id, state, approvals = 1, approvedBy = [] } = approval;
  if (json) out.json(approval);
  else if (state === 'pending')
    out.note(`${approvedBy.length} of ${approvals} have approved it; it waits for somebody else: ${id}.`);
  else out.note(`${harmless(approval.decidedBy ?? 'Nobody')} ${approval.state} it: ${approval.id}.`);
}
