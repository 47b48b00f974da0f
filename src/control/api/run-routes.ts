import type { FastifyInstance } from 'fastify';
import type { Artifacts } from '../artifacts/artifacts.ts';
import type { Store } from '../store/store.ts';
import { wholeInputOf } from '../tasks/input.ts';
import { refuse } from './refuse.ts';

/** `/runs`: what an agent is told of its own runs, and of no others. */
export function addRunRoutes(app: FastifyInstance, { read }: Store, artifacts: Artifacts): void {
  app.get<{ Params: { id: string } }>('/runs/:id/input', async (request, reply) => {
    const { agent, scopes } = request.caller;
    const run = await read.runs.byId(request.params.id);
    const isShown = run !== undefined && (scopes === 'all' || run.agent === agent);
    const task = isShown ? await read.tasks.byId(run.taskId) : undefined;
    if (!task) {
      const sentence = `there is no run ${request.params.id}${agent ? ` of ${agent}` : ''}`;
      return reply.code(404).send(refuse('unknown_run', sentence));
    }
    const whole = await wholeInputOf(task, artifacts);
    if (whole !== undefined) return reply.type('text/plain; charset=utf-8').send(whole);
    const sentence = `the text of task ${task.id} is not there any more: artifacts are kept for 30 days`;
    return reply.code(410).send(refuse('unknown_artifact', sentence));
  });
}
