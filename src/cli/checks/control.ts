import type { HealthView, TaskView } from '#core/api.ts';
import { age } from '../format.ts';
import type { Whereabouts } from '../whereabouts.ts';
import { type Check, failed, passed } from './check.ts';

/** The parts of the control plane that other machines depend on; they are shown even when they are well. */
const SHOWN = ['bus', 'topology'];

const QUEUED_TOO_LONG_MS = 10 * 60_000;

/** Whether every part of the control plane is ready. */
export function partChecks({ parts }: HealthView, where: Whereabouts): Check[] {
  return parts.flatMap(({ name, live, ready, reason }): Check[] => {
    if (live && ready) return SHOWN.includes(name) ? [passed(name, 'ready')] : [];
    const what = `${live ? 'not ready' : 'stuck'}: ${reason ?? 'it does not say why'}`;
    const look = name === 'bus' ? `${where.bus} and ${where.control}` : where.control;
    const remedy = live
      ? `Control tries again by itself. If this stays, look at ${look}.`
      : `Restart olympus-control after looking at ${look}.`;
    return [failed(name, what, remedy)];
  });
}

/** Whether work is waiting for longer than it should. `queued` are tasks in that state, as the API lists them. */
export function queueCheck(queued: readonly TaskView[], now: number): Check {
  const name = 'queue';
  const late = queued.filter((task) => now - Date.parse(task.updatedAt) > QUEUED_TOO_LONG_MS);
  if (late.length === 0) {
    return passed(
      name,
      queued.length === 0 ? 'nothing waits' : `${tasks(queued.length)} waiting, none for long`,
    );
  }
  const longest = Math.max(...late.map((task) => now - Date.parse(task.updatedAt)));
  const agents = [...new Set(late.map((task) => task.agent))].sort();
  return failed(
    name,
    `${tasks(late.length)} queued for more than 10 minutes, the oldest for ${age(longest)} (${agents.join(', ')})`,
    `See \`olympus task list --state queued\`; \`olympus agent list\` shows whether ${agents.length > 1 ? 'these agents are' : `${agents[0]} is`} busy or away.`,
  );
}

function tasks(number: number): string {
  return number === 1 ? '1 task' : `${number} tasks`;
}
