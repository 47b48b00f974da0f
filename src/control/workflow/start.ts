import { CONTROL_NAME } from '#core/tokens.ts';
import type { Workflow } from '#core/workflow.ts';
import { newId } from '#lib/id.ts';
import { type AdmissionLimits, type Asked, admit } from '../admission/admission.ts';
import { blockOn } from '../dependencies/settle.ts';
import { agentForDomain } from '../registry/choose-agent.ts';
import type { Mission } from '../store/mission-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { pieceKey } from '../tasks/pieces.ts';
import { record } from '../tasks/record.ts';

/** Whom a refused step would have been for. */
const NOBODY = 'nobody';

export interface MissionAsked {
  /** The person who asks for it. */
  readonly by: string;
  readonly dedupKey: string;
  /** The request it was asked for with, in a conversation; the lead's task then answers that. */
  readonly asked?: Asked;
}

/**
 * Starts a workflow in the caller's transaction: the mission, a task for each step, and the lead's, which comes after
 * them. All of it is there or none; asked again with the same key it is the mission that is there.
 */
export async function startMission(
  tx: Repositories,
  admission: AdmissionLimits,
  workflow: Workflow,
  { by, dedupKey, asked }: MissionAsked,
): Promise<Mission> {
  const known = await tx.missions.byKey(dedupKey);
  if (known) return known;
  const { context } = admission;
  const at = context.now();
  const id = newId(at);
  const { steps, join } = workflow;
  const task = await admit(tx, admission, {
    ...(asked ? spokenFor(workflow, asked) : calledFor(workflow, id, by)),
    place: async (lead) => {
      const after: { id: string; label: string }[] = [];
      for (const step of steps) {
        const child = await admit(tx, admission, await askedOf(tx, { step, missionId: id, lead, at }));
        after.push({ id: child.id, label: step.id });
      }
      const until = at + join.deadline;
      return blockOn(tx, context, lead, {
        after,
        whenItFails: 'go-on',
        enough: join.need,
        until,
        brings: true,
      });
    },
  });
  const mission = { id, workflow: workflow.name, taskId: task.id };
  await tx.missions.insert({ ...mission, dedupKey, by, at });
  await record(tx, context, {
    who: asked?.by ?? `person/${by}`,
    what: 'start',
    entity: 'mission',
    entityId: id,
    state: task.state === 'rejected' ? 'rejected' : 'started',
    why: `workflow ${workflow.name}, led in task ${task.id}`,
  });
  admission.log.info({ missionId: id, workflow: workflow.name, taskId: task.id }, 'workflow started');
  return mission;
}

/** The lead's task, for who called the API or the command. */
function calledFor({ lead: agent, synthesise: text }: Workflow, missionId: string, by: string): Asked {
  const requester = { id: `api:${by}`, name: by, kind: 'human' as const };
  const request = { dedupKey: `mission:${missionId}`, agent, text, requester };
  return { author: CONTROL_NAME, by: `person/${by}`, request, depth: 0 };
}

/** The lead's task, for who asked in a conversation. It is one of its own, whatever else is being said there. */
function spokenFor({ synthesise: text }: Workflow, asked: Asked): Asked {
  return { ...asked, request: { ...asked.request, text, debounce: undefined } };
}

async function askedOf(
  tx: Repositories,
  given: { step: Workflow['steps'][number]; missionId: string; lead: TaskRecord; at: number },
): Promise<Asked> {
  const { step, missionId, lead, at } = given;
  const { domain, ask: text } = step;
  const agent = step.agent ?? (domain && (await agentForDomain(tx, domain, at))?.name);
  const { requester, conversation, author, trust } = lead;
  const request = { dedupKey: pieceKey(missionId, step.id), agent: agent ?? NOBODY, text, domain, requester };
  return {
    // What comes of it is said where the lead was asked.
    author,
    keysOf: CONTROL_NAME,
    by: 'control',
    trust,
    request: { ...request, ...(conversation ? { conversation } : {}) },
    depth: lead.depth + 1,
    parentId: lead.id,
    ...(agent ? {} : { refusal: { code: 'no_agent_for_domain', values: { domain: domain ?? '' } } }),
  };
}
