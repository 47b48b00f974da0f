import type { FastifyInstance, FastifyReply } from 'fastify';
import { DrainDecision, TaskDecision } from '#core/api.ts';
import type { Logger } from '#lib/log.ts';
import { drainAgent, resumeAgent } from '../drain/drain.ts';
import { agentView } from '../registry/registry.ts';
import { stopAll } from '../stop-all/stop-all.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { actingName } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

export interface AgentRoutesOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Called after an agent was drained or resumed. */
  readonly onChanged: () => void;
  readonly log: Logger;
}

type Named = { Params: { name: string } };

/** `/agents`, and `/stop` for all of them: who there is, and whether they get work. */
export function addAgentRoutes(app: FastifyInstance, options: AgentRoutesOptions): void {
  const { store, context, onChanged, log } = options;
  const view = (agent: AgentRecord | undefined, name: string, reply: FastifyReply) => {
    if (agent) return agentView(agent, context.now());
    return reply.code(404).send(refuse('unknown_agent', `no agent ${name} has ever sent a heartbeat`));
  };

  app.get('/agents', async () => ({
    agents: (await store.read.agents.list()).map((agent) => agentView(agent, context.now())),
  }));
  app.get<Named>('/agents/:name', async (request, reply) => {
    const { name } = request.params;
    return view(await store.read.agents.byName(name), name, reply);
  });
  app.post<Named>('/agents/:name/drain', async (request, reply) => {
    const { by: given, why } = readRequest(DrainDecision, request.body);
    const by = actingName(request, given);
    return change(request.params.name, reply, (tx, agent) => drainAgent(tx, context, agent, { by, why }));
  });
  app.post<Named>('/agents/:name/resume', async (request, reply) => {
    const { by: given, why } = readRequest(TaskDecision, request.body);
    const by = actingName(request, given);
    return change(request.params.name, reply, (tx, agent) => resumeAgent(tx, context, agent, { by, why }));
  });

  app.post('/stop', async (request) => {
    const { by: given, why } = readRequest(DrainDecision, request.body);
    const by = actingName(request, given);
    const stopped = await store.transaction((tx) => stopAll(tx, context, { by, why }));
    log.warn({ by, why, runs: stopped.runs }, 'everything was stopped');
    onChanged();
    return stopped;
  });

  async function change(
    name: string,
    reply: FastifyReply,
    work: (tx: Repositories, agent: AgentRecord) => Promise<void>,
  ) {
    const changed = await store.transaction(async (tx) => {
      const agent = await tx.agents.byName(name);
      if (agent) await work(tx, agent);
      return tx.agents.byName(name);
    });
    onChanged();
    return view(changed, name, reply);
  }
}
