import { messageOf } from '#core/errors.ts';
import { AccountAnswer, AccountQuestion } from '#core/messages/account-question.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import type { Logger } from '#lib/log.ts';
import type { ControlContext } from '../tasks/advance.ts';

export interface StandingOptions {
  readonly context: Pick<ControlContext, 'fleet' | 'subjects'>;
  readonly bus: Pick<BusConnection, 'request'>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Why an account's press does not count, as a sentence; undefined where it may. */
export type RefusalByStanding = (agent: string, account: string) => Promise<string | undefined>;

const ANSWER_WITHIN_MS = 3_000;
const AGAIN_AFTER_MS = 500;
/** So long that a daemon may be restarted meanwhile; the chat server waits 30 s for what a press came to. */
const GIVE_UP_AFTER_MS = 10_000;
const NEVER = new AbortController().signal;

/**
 * Has an agent ask the chat server what an account is now: rights are given to accounts, and nobody tells us when one was
 * closed or became a guest's. Who cannot be asked about may not.
 */
export function refusalByStanding(options: StandingOptions): RefusalByStanding {
  const { log, clock } = options;
  return async (agent, account) => {
    const until = clock.now() + GIVE_UP_AFTER_MS;
    for (;;) {
      const answer = await ask(options, agent, account);
      if (answer.ok) {
        return answer.standing === 'member' ? undefined : `I take nothing from a ${answer.standing} account.`;
      }
      if (clock.now() >= until) {
        log.warn(
          { agent, account, reason: answer.reason },
          'press not counted, the account cannot be asked about',
        );
        return `Nothing is decided: **${agent}** could not ask the chat server whether your account may still do that. Press again in a while, or use \`olympus\` in a terminal.`;
      }
      await clock.sleep(AGAIN_AFTER_MS, NEVER);
    }
  };
}

async function ask(
  { context, bus, clock }: StandingOptions,
  agent: string,
  account: string,
): Promise<AccountAnswer> {
  const now = clock.now();
  const question = AccountQuestion.create(
    {
      id: newId(now),
      source: `/fleets/${context.fleet}/control`,
      subject: `agent/${agent}`,
      time: new Date(now).toISOString(),
    },
    { agent, account },
  );
  try {
    const subject = context.subjects.control(agent, 'standing');
    const answer = await bus.request(subject, JSON.stringify(question), ANSWER_WITHIN_MS);
    return AccountAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}
