import type { FastifyInstance } from 'fastify';
import { type MissionView, WorkflowStart, type WorkflowView } from '#core/api.ts';
import type { Workflow } from '#core/workflow.ts';
import { newNonce } from '#lib/id.ts';
import type { AdmissionOptions } from '../admission/admission.ts';
import type { Mission } from '../store/mission-repository.ts';
import type { Repositories } from '../store/store.ts';
import { startMission } from '../workflow/start.ts';
import { brokenIn, readWorkflows } from '../workflow/workflows.ts';
import { actingName, ownKey } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';
import { relatedTask, taskView } from './views.ts';

export interface WorkflowRoutesOptions {
  /** Where their files are; without it there are none. */
  readonly dir: string | undefined;
  readonly admission: AdmissionOptions;
  /** Called after one was started. */
  readonly onStarted: () => void;
}

/** `/workflows`: what several agents can be asked at the same time. */
export function addWorkflowRoutes(app: FastifyInstance, options: WorkflowRoutesOptions): void {
  const { dir, admission, onStarted } = options;
  const { store } = admission;

  app.get('/workflows', async () => {
    const { workflows, problems } = await readWorkflows(dir);
    return { workflows: workflows.map(workflowView), problems };
  });
  app.post<{ Params: { name: string } }>('/workflows/:name/start', async (request, reply) => {
    const { name } = request.params;
    const { by: given, dedupKey = newNonce() } = readRequest(WorkflowStart, request.body);
    const by = actingName(request, given);
    const { workflows, problems } = await readWorkflows(dir);
    const workflow = workflows.find((each) => each.name === name);
    if (!workflow)
      return reply.code(404).send(refuse('unknown_workflow', absence(name, workflows, problems)));
    // One for each workflow: a key of the day starts all of them.
    const key = ownKey(request, `${name}:${dedupKey}`);
    const view = await store.transaction(async (tx) =>
      missionView(tx, await startMission(tx, admission, workflow, { by, dedupKey: key })),
    );
    onStarted();
    return reply.code(201).send(view);
  });
}

function absence(name: string, workflows: readonly Workflow[], problems: readonly string[]): string {
  const broken = brokenIn(problems, name);
  if (broken.length > 0) return `the workflow ${name} cannot be used: ${broken.join('; ')}`;
  const known = workflows.map((each) => each.name).join(', ') || 'none';
  return `there is no workflow ${name}; there is: ${known}`;
}

function workflowView({ name, lead, steps, join }: Workflow): WorkflowView {
  return {
    name,
    lead,
    steps: steps.map(({ id, domain, agent }) => ({
      id,
      ...(domain ? { domain } : {}),
      ...(agent ? { agent } : {}),
    })),
    deadlineMs: join.deadline,
    need: join.need ?? steps.length,
  };
}

async function missionView(tx: Repositories, { id, workflow, taskId }: Mission): Promise<MissionView> {
  const task = await tx.tasks.byId(taskId);
  if (!task) throw new Error(`mission ${id} has no task`);
  const wait = await tx.dependencies.of(taskId);
  const labels = new Map(wait?.after.map((each) => [each.id, each.label]));
  const children = (await tx.tasks.childrenOf(taskId)).map((child) =>
    relatedTask(child, labels.get(child.id)),
  );
  return { id, workflow, task: taskView(task), children };
}
