import type { AgentView, HealthView, TaskView } from '#core/api.ts';
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

/**
 * Whether work is waiting for longer than it should. `queued` are tasks in that state, as the API lists them; those of
 * drained agents are meant to wait.
 */
export function queueCheck(queued: readonly TaskView[], agents: readonly AgentView[], now: number): Check {
  const name = 'queue';
  const drained = new Set(agents.filter(({ drain }) => drain).map((agent) => agent.name));
  const late = queued.filter((task) => waited(task, now) > QUEUED_TOO_LONG_MS && !drained.has(task.agent));
  if (late.length === 0) {
    return passed(
      name,
      queued.length === 0 ? 'nothing waits' : `${tasks(queued.length)} waiting, none for long`,
    );
  }
  const longest = Math.max(...late.map((task) => waited(task, now)));
  const names = [...new Set(late.map((task) => task.agent))].sort();
  return failed(
    name,
    `${tasks(late.length)} queued for more than 10 minutes, the oldest for ${age(longest)} (${names.join(', ')})`,
    `See \`olympus task list --state queued\`; \`olympus agent list\` shows whether ${names.length > 1 ? 'these agents are' : `${names[0]} is`} busy or away.`,
  );
}

/** How long it could have been released by now. */
function waited({ updatedAt, notBefore = updatedAt }: TaskView, now: number): number {
  return now - Math.max(Date.parse(updatedAt), Date.parse(notBefore));
}

function tasks(number: number): string {
  return number === 1 ? '1 task' : `${number} tasks`;
}
