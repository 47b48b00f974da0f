import { parseMessage } from '#core/envelope.ts';
import { messageOf } from '#core/errors.ts';
import { AgentCommand, type CommandReply } from '#core/messages/agent-command.ts';
import { AgentDuty } from '#core/messages/agent-duty.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { Runner } from './runner.ts';

/**
 * Answers what control commands. The command is in the journal before it is answered, so that it holds after a crash;
 * a second one of the same finds it there.
 */
export function commandHandler(options: {
  readonly agent: string;
  readonly runner: Runner;
  readonly journal: Journal;
  readonly log: Logger;
}): (body: Uint8Array) => Promise<string> {
  const { agent, runner, journal, log } = options;
  const reply = (answer: CommandReply): string => JSON.stringify(answer);
  return async (body) => {
    const parsed = parseMessage(body, [AgentCommand, AgentDuty]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== agent) {
      log.error({ problem: parsed }, 'command cannot be read');
      return reply({ ok: false, reason: 'this daemon cannot read the command' });
    }
    const { data } = parsed.message;
    switch (data.verb) {
      case 'cancel': {
        const { runId } = data;
        const stopped = await runner.cancel(data);
        stopped().catch((error) => log.warn({ runId, reason: messageOf(error) }, 'run not stopped yet'));
        break;
      }
      case 'drain':
        await journal.transaction(() => journal.duty.drain());
        log.info('no new work is taken');
        break;
      case 'resume':
        await journal.transaction(() => journal.duty.resume());
        log.info('new work is taken again');
        break;
      default:
        data satisfies never;
    }
    return reply({ ok: true });
  };
}
