import { parseMessage } from '#core/envelope.ts';
import { messageOf } from '#core/errors.ts';
import { AgentCommand, type CommandReply } from '#core/messages/agent-command.ts';
import type { Logger } from '#lib/log.ts';
import type { Runner } from './runner.ts';

/**
 * Answers what control commands. The command is in the journal before it is answered, so that it holds after a crash;
 * a second one of the same finds it there.
 */
export function commandHandler(options: {
  readonly agent: string;
  readonly runner: Runner;
  readonly log: Logger;
}): (body: Uint8Array) => Promise<string> {
  const { agent, runner, log } = options;
  const reply = (answer: CommandReply): string => JSON.stringify(answer);
  return async (body) => {
    const parsed = parseMessage(body, [AgentCommand]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== agent) {
      log.error({ problem: parsed }, 'command cannot be read');
      return reply({ ok: false, reason: 'this daemon cannot read the command' });
    }
    const { runId } = parsed.message.data;
    const stopped = await runner.cancel(runId);
    stopped().catch((error) => log.warn({ runId, reason: messageOf(error) }, 'run not stopped yet'));
    return reply({ ok: true });
  };
}
