import type { Command } from 'commander';
import type { RelatedTask, RunView, TaskDetail } from '#core/api.ts';
import { failureClasses, failureCodeOf } from '#core/failures.ts';
import { type RejectionCode, rejections } from '#core/rejections.ts';
import type { Usage } from '#core/usage.ts';
import { ApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { age, count, duration, harmless, localTime } from '../format.ts';
import type { Output } from '../output.ts';
import { findTask } from '../task-id.ts';
import { stateStyle } from '../task-style.ts';

/** `olympus task show <id>`: everything that happened to one task. */
export function addTaskShow(parent: Command, context: CliContext): void {
  const { out } = context;
  parent
    .command('show')
    .description('show a task: its history, its runs with tokens and cost, its answer')
    .argument('<id>', 'its id, or at least the first 8 characters where those are unique')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Examples:
  $ olympus task show 019a2f3c-5d1e
  $ olympus task show 019a2f3c-5d1e --json | jq -r .answer`,
    )
    .action(async (id: string, { json }: { json?: boolean }) => {
      const task = await findTask(new ApiClient(context), id);
      if (json) out.json(task);
      else print(task, context);
    });
}

function print(task: TaskDetail, { out, clock }: CliContext): void {
  const field = (name: string, value: string): void => out.print(`  ${name.padEnd(10)}${value}`);
  const section = (title: string): void => out.print(`\n${out.style('bold', title)}`);
  const asked = `${localTime(task.createdAt)} (${age(clock.now() - Date.parse(task.createdAt))} ago)`;

  out.print(out.style('bold', `Task ${task.id}`));
  field('state', `${out.style(stateStyle(task.state), task.state)} (${task.summary})`);
  if (task.reason) field('reason', harmless(task.reason));
  // A run that failed says so itself, further down.
  const remedy = task.runs.some((run) => run.failure === task.reason) ? undefined : remedyOf(task.reason);
  if (remedy) field('', `${out.style('yellow', '→')} ${remedy}`);
  field('agent', `${task.agent}, domain ${task.domain}`);
  field('asked by', `${harmless(task.requester)}, ${asked}`);
  field('deadline', localTime(task.deadline));
  field('priority', `P${task.priority}`);
  field('trust', task.trust);
  field('attempts', String(task.attempts));
  if (task.parent) field('parent', task.parent);
  const made = new Set(task.children?.map(({ id }) => id));
  const after = task.after?.filter(({ id }) => !made.has(id));
  for (const each of after ?? []) field('after', related(each, out));
  for (const child of task.children ?? []) field('child', related(child, out));
  section('Text');
  printBlock(task.text, out);
  if (task.context) {
    section('Context');
    printBlock(task.context, out);
  }
  section('History');
  printHistory(task, out);
  section('Runs');
  for (const run of task.runs) printRun(run, out);
  if (task.runs.length === 0) out.print('  none yet');
  if (task.answer === undefined) return;
  section('Answer');
  printBlock(task.answer, out);
  if (!task.answerArtifact) return;
  const { digest, bytes } = task.answerArtifact;
  out.print(
    `  ${out.style('yellow', '→')} This is its beginning. All ${bytes} bytes: olympus artifact get ${digest} --out answer.md`,
  );
}

function related({ id, agent, state, label, reason }: RelatedTask, out: Output): string {
  const name = label ? `${label}: ` : '';
  const why = state === 'rejected' && reason ? ` (${reason})` : '';
  return `${name}${id} of ${harmless(agent)}, ${out.style(stateStyle(state), state)}${why}`;
}

function printBlock(text: string, out: Output): void {
  for (const line of harmless(text).trimEnd().split('\n')) out.print(`  ${line}`.trimEnd());
}

function printHistory({ history }: TaskDetail, out: Output): void {
  const began = Date.parse(history[0]?.at ?? '');
  const widest = Math.max(0, ...history.map((entry) => entry.state.length));
  for (const { at, who, event, state, reason } of history) {
    const since = `+${duration(Date.parse(at) - began)}`.padEnd(12);
    const why = out.style('dim', `  ${harmless(reason ? `${who}: ${reason}` : who)}`);
    out.print(`  ${localTime(at)}  ${since} ${event.padEnd(9)}→ ${state.padEnd(widest)}${why}`.trimEnd());
  }
}

function printRun(run: RunView, out: Output): void {
  const { startedAt, finishedAt } = run;
  const took =
    startedAt && finishedAt ? `, took ${duration(Date.parse(finishedAt) - Date.parse(startedAt))}` : '';
  out.print(`  ${run.attempt}. ${run.state} by ${run.agent}, released ${localTime(run.releasedAt)}${took}`);
  out.print(`     ${out.style('dim', `run ${run.id}, epoch ${run.epoch}`)}`);
  if (run.usage) out.print(`     ${usageText(run.usage)}`);
  if (!run.failure) return;
  const message = run.failureMessage ? `: ${harmless(run.failureMessage)}` : '';
  out.print(`     ${out.style('red', run.failure)}${message}`);
  out.print(`     ${out.style('yellow', '→')} ${failureClasses[run.failure].remedy}`);
}

/** What a run consumed. Cost is in the currency of the model's prices, which Olympus does not know. */
function usageText(usage: Usage): string {
  const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
  const parts = [
    `${count(usage.inputTokens)} tokens in`,
    `${count(usage.outputTokens)} out`,
    ...(cached > 0
      ? [
          `${count(usage.cacheReadTokens)} read from and ${count(usage.cacheWriteTokens)} written to the cache`,
        ]
      : []),
    `${count(usage.modelCalls)} model ${usage.modelCalls === 1 ? 'call' : 'calls'}`,
    `cost ${(usage.costMicros / 1e6).toFixed(4)}`,
    ...(usage.model ? [usage.model] : []),
  ];
  return parts.join(', ');
}

function remedyOf(reason: string | undefined): string | undefined {
  if (reason === undefined) return undefined;
  const failure = failureCodeOf(reason);
  if (failure) return failureClasses[failure].remedy;
  if (Object.hasOwn(rejections, reason)) return rejections[reason as RejectionCode].remedy;
  return undefined;
}
