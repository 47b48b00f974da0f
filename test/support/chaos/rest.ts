import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '#core/task-states.ts';
import { FLEET } from '#lab/local/servers.ts';
import type { ChaosBus } from './bus.ts';
import type { ScriptedFleet } from './fleet.ts';
import { type RunRow, readJournal, readTasks, type TaskRow } from './ledger.ts';

const POLL_MS = 400;
/** Longer than any wait of the fleet: the longest is that of a message in hand of a killed process, 30 seconds. */
const STILL_MS = 60_000;
/** After this it is looked whether anybody still has what moves no more. */
const QUIET_MS = 6_000;
/** Found this often in a row it is so, and not in between. */
const TWICE = 2;

/** What is under way in a fleet; all of it is nothing when the fleet is at rest. */
interface UnderWay {
  readonly tasks: readonly TaskRow[];
  readonly outboxOfControl: number;
  readonly outboxesOfDaemons: number;
  readonly runsOfDaemons: number;
  readonly requests: number;
  readonly released: number;
  readonly unread: number;
}

/**
 * Waits until nothing is under way, for as long as anything moves. Answers with what never came to rest, in sentences:
 * what stands still for a minute, or earlier a task that nobody has any more.
 */
export async function untilAtRest(fleet: ScriptedFleet, bus: ChaosBus): Promise<string[]> {
  let last = '';
  let movedAt = performance.now();
  let orphans = 0;
  for (;;) {
    const underWay = await look(fleet, bus);
    const said = describe(underWay);
    if (said === '') return [];
    const now = performance.now();
    if (said !== last) {
      movedAt = now;
      orphans = 0;
    }
    last = said;
    if (now - movedAt > STILL_MS) return [`nothing moved for a minute, with this under way: ${said}`];
    if (now - movedAt > QUIET_MS && isRead(underWay)) {
      const lost = await withNobody(fleet, bus, underWay.tasks);
      orphans = lost.length > 0 ? orphans + 1 : 0;
      if (orphans >= TWICE) return lost;
    }
    await delay(POLL_MS);
  }
}

async function look(fleet: ScriptedFleet, bus: ChaosBus): Promise<UnderWay> {
  const { requests, tasks: released, unread } = await bus.standing();
  const { tasks, pending } = readTasks(fleet.control.stateDir);
  const journals = [...fleet.agents.values()].map(({ stateDir }) => readJournal(stateDir));
  return {
    tasks: tasks.filter(({ state }) => !isTerminal(state)),
    outboxOfControl: pending.length,
    outboxesOfDaemons: journals.reduce((sum, each) => sum + each.pending, 0),
    runsOfDaemons: journals.reduce((sum, { runs }) => sum + [...runs.values()].filter(isOpen).length, 0),
    requests,
    released,
    unread,
  };
}

/** What nobody has read yet may be the end of a run that nobody has any more; a killed reader has it for a while. */
function isRead({ unread, outboxesOfDaemons }: UnderWay): boolean {
  return unread === 0 && outboxesOfDaemons === 0;
}

function isOpen(state: string): boolean {
  return state !== 'published' && state !== 'discarded';
}

function describe({ tasks, ...counts }: UnderWay): string {
  const states = tasks.map(({ id, state, epoch }) => `task ${id} is ${state} (${epoch})`);
  const others = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${name}: ${count}`] : []));
  return [...others, ...states].join('; ');
}

/** Tasks that are out, where neither the outbox nor the bus nor a journal has their run: nobody will end them. */
async function withNobody(fleet: ScriptedFleet, bus: ChaosBus, tasks: readonly TaskRow[]): Promise<string[]> {
  const { runs, pending } = readTasks(fleet.control.stateDir);
  const lost: string[] = [];
  for (const task of tasks) {
    const run = runs.find((each) => each.taskId === task.id && each.epoch === task.epoch);
    if (!run || task.state === 'queued' || pending.includes(run.id)) continue;
    const member = fleet.agents.get(task.agent);
    const journaled = member && readJournal(member.stateDir).runs.get(run.id);
    if (journaled && isOpen(journaled)) continue;
    if (await bus.isReleased(subjectOf(task, run))) continue;
    lost.push(`lost: task ${task.id} is ${task.state}, and nobody has its run ${run.id}`);
  }
  return lost;
}

function subjectOf(task: TaskRow, run: RunRow): string {
  return `${FLEET}.tasks.${task.domain}.${run.agent}.${run.id}`;
}
