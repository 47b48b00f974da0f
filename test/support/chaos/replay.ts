import type { ChaosOptions } from './chaos.ts';
import { allFaultKinds } from './plan.ts';

/** What a run of chaos follows from, and so what has to be told to have it again. */
export type Replayed = Pick<
  ChaosOptions,
  'seed' | 'tasks' | 'agents' | 'kinds' | 'limitMs' | 'holdMs' | 'strict' | 'mutation'
>;

/** The command that does the same again: the same faults in the same order. */
export function replayCommand({
  seed,
  tasks,
  agents,
  kinds,
  limitMs,
  holdMs,
  strict,
  mutation,
}: Replayed): string {
  const command = 'npm run chaos --';
  // It brings all else with it.
  if (mutation) return `${command} --mutation ${mutation}`;
  const isEvery =
    kinds.length === allFaultKinds.length && kinds.every((kind, at) => kind === allFaultKinds[at]);
  return [
    command,
    `--tasks ${tasks} --seed ${seed} --agents ${agents} --minutes ${limitMs / 60_000}`,
    ...(isEvery ? [] : kinds.map((kind) => `--only ${kind}`)),
    ...(strict ? ['--strict'] : []),
    ...(holdMs === undefined ? [] : [`--hold ${holdMs / 1000}`]),
  ].join(' ');
}
