import type { AgentView } from '#core/api.ts';
import { age, harmless } from '../format.ts';
import type { Whereabouts } from '../whereabouts.ts';
import { type Check, failed, passed, warned } from './check.ts';

/** Whether every agent is there and has what it needs: one check for each agent, one more for what it lacks. */
export function agentChecks(agents: readonly AgentView[], now: number, where: Whereabouts): Check[] {
  if (agents.length === 0) {
    return [
      failed(
        'agents',
        'no agent has ever sent a heartbeat to this control plane',
        'Start olympusd for at least one agent; its log says what it is waiting for.',
      ),
    ];
  }
  return agents.flatMap((agent) => {
    // Somebody meant it to be away.
    if (agent.drain) {
      const remedy = `To let it work again: olympus agent resume ${agent.name}`;
      return [warned(agent.name, drainText(agent.drain), remedy)];
    }
    return [phaseCheck(agent, now, where), ...conditionChecks(agent, where)];
  });
}

/** What an agent is short of, in a few words; empty when nothing. */
export function missing(agent: AgentView): string {
  const drained = agent.drain ? [drainText(agent.drain)] : [];
  if (agent.phase === 'Silent') return [...drained, 'no heartbeat'].join('; ');
  const conditions = agent.conditions
    .filter((condition) => !condition.ready)
    .map(({ name, reason }) => (reason ? `${name}: ${harmless(reason)}` : name));
  return [...drained, ...conditions].join('; ');
}

/** That an agent gets no new work, with who said so and why. */
export function drainText({ state, by, why }: NonNullable<AgentView['drain']>): string {
  return harmless(`${state}, by ${by}${why ? `: ${why}` : ''}`);
}

function phaseCheck(agent: AgentView, now: number, where: Whereabouts): Check {
  const { name, phase, runs, concurrency } = agent;
  const seen = age(now - Date.parse(agent.lastSeenAt));
  switch (phase) {
    case 'Ready': {
      const ready = agent.conditions.map((condition) => condition.name).join(', ');
      return passed(name, `Ready (${ready}), at work on ${runs} of ${concurrency} runs, seen ${seen} ago`);
    }
    case 'NotReady':
      return failed(
        name,
        `NotReady, seen ${seen} ago`,
        'What it lacks is below; it goes on by itself once that is back.',
      );
    case 'Silent':
      return failed(
        name,
        `Silent: the last heartbeat came ${seen} ago`,
        `Is its olympusd running, and does it reach the bus? Look at ${where.daemon(name)}.`,
      );
    default:
      return phase satisfies never;
  }
}

/** What a silent agent last said about itself is old news. */
function conditionChecks(agent: AgentView, where: Whereabouts): Check[] {
  if (agent.phase === 'Silent') return [];
  return agent.conditions
    .filter((condition) => !condition.ready)
    .map(({ name, reason }) =>
      failed(
        `${agent.name} ${name}`,
        harmless(reason ?? 'not ready; it does not say why'),
        remedyFor(name, agent.name, where),
      ),
    );
}

function remedyFor(condition: string, agent: string, where: Whereabouts): string {
  switch (condition) {
    case 'journal':
      return `Is the disk of ${agent} full? It takes nothing on until there is room, and then goes on by itself. Look at ${where.daemon(agent)}.`;
    case 'bus':
      return `Is nats-server running, and does ${agent} reach it? Look at ${where.bus} and ${where.daemon(agent)}.`;
    case 'chat':
      return `Is Mattermost running, and does it accept the token of the bot ${agent}? Look at ${where.daemon(agent)}.`;
    case 'openclaw':
      return `Is the OpenClaw gateway of ${agent} running? Look at ${where.gateway(agent)}.`;
    default:
      return `Look at ${where.daemon(agent)}.`;
  }
}
