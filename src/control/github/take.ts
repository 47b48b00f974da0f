import type { GithubSettings } from '#core/github-settings.ts';
import { isTerminal } from '#core/task-states.ts';
import { CONTROL_NAME } from '#core/tokens.ts';
import { type AdmissionLimits, admit } from '../admission/admission.ts';
import { cancelTask } from '../cancel/cancel.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Repositories } from '../store/store.ts';
import { latestTry } from '../tasks/tries.ts';
import type { Happening } from './happening.ts';
import { inputOf } from './input.ts';
import type { Standing } from './standing.ts';
import { type Trigger, triggerOf, type Wish } from './triggers.ts';

export interface TakeOptions {
  readonly settings: GithubSettings;
  readonly admission: AdmissionLimits;
}

/**
 * Does what follows of something that happened on GitHub, in the caller's transaction, and says what that was. Told of
 * it again, by a webhook, the poll or both, in any order, nothing changes: keys are known, and what happened before the
 * last closing does not count, whenever it is learnt of.
 */
export async function takeHappening(
  tx: Repositories,
  options: TakeOptions,
  happening: Happening,
): Promise<string> {
  const { repo, number, at } = happening;
  const trigger = triggerOf(options.settings, happening);
  switch (trigger.kind) {
    case 'nothing':
      return trigger.why;
    case 'end': {
      // Each later reading of what is closed tells of it again, and somebody may have begun anew meanwhile.
      if (!(await tx.github.close(repo, number, at))) return 'that it was closed is known';
      return end(tx, options, happening, trigger);
    }
    case 'work': {
      const closedAt = await tx.github.closedAt(repo, number);
      if (closedAt !== undefined && at <= closedAt) return 'it was closed after that';
      const made: string[] = [];
      for (const wish of trigger.wishes) made.push(await ask(tx, options, wish, happening));
      return made.join('; ');
    }
    default:
      return trigger satisfies never;
  }
}

async function ask(
  tx: Repositories,
  { admission }: TakeOptions,
  wish: Wish,
  happening: Happening,
): Promise<string> {
  const { key, agent, asker } = wish;
  const { text, context, leastTrust } = inputOf(wish);
  const task = await admit(tx, admission, {
    author: CONTROL_NAME,
    by: actorOf(asker),
    why: `asked by ${asker.name} on GitHub: ${wish.url}`,
    request: {
      dedupKey: `gh:${key}`,
      agent,
      text,
      ...(context === undefined ? {} : { context }),
      requester: {
        id: `github:${asker.id}`,
        name: asker.name,
        kind: asker.trust === 'bot' ? ('bot' as const) : ('human' as const),
      },
    },
    depth: 0,
    trust: asker.trust,
    leastTrust,
  });
  await tx.github.asked(task.id, happening);
  return `${agent}: task ${task.id}, ${task.state}`;
}

/** Ends what was begun for it before it was closed. An agent that closes it itself is not stopped on the way. */
async function end(
  tx: Repositories,
  { admission: { context } }: TakeOptions,
  { repo, number, at }: Happening,
  { by, why }: Extract<Trigger, { kind: 'end' }>,
): Promise<string> {
  const ended: string[] = [];
  for (const first of await tx.github.tasksUntil(repo, number, at)) {
    const task = await latestTry(tx, first);
    // Begun anew after the closing, of which we learn late: somebody wants it all the same.
    if (task.id !== first.id && task.createdAt > at) continue;
    const open = isTerminal(task.state) ? await tx.tasks.childrenOf(task.id) : [task];
    for (const each of open) {
      if (isTerminal(each.state) || each.agent === by?.agent) continue;
      const outcome = await cancelTask(tx, context, each, { by: by?.name ?? 'GitHub', why });
      ended.push(`task ${each.id} ${outcome.kind}`);
    }
  }
  return ended.length > 0 ? ended.join('; ') : 'nothing was under way for it';
}

function actorOf({ agent, trust, name }: Standing): Actor {
  if (agent !== undefined) return `agent/${agent}`;
  return trust === 'bot' ? 'control' : `person/${name}`;
}
