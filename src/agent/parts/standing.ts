import { parseMessage } from '#core/envelope.ts';
import { messageOf } from '#core/errors.ts';
import { type AccountAnswer, AccountQuestion } from '#core/messages/account-question.ts';
import { standingOf } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';

/** Less than control waits for it. */
const WITHIN_MS = 2_500;

/** Answers control what an account in chat is now, asked of the chat server each time. */
export function standingHandler(
  agent: string,
  rest: Pick<MattermostRest, 'user'>,
): (body: Uint8Array) => Promise<string> {
  const answer = async (body: Uint8Array): Promise<AccountAnswer> => {
    const parsed = parseMessage(body, [AccountQuestion]);
    if (parsed.kind !== 'ok' || parsed.message.data.agent !== agent)
      return { ok: false, reason: 'this daemon cannot read the question' };
    try {
      const user = await rest.user(parsed.message.data.account, AbortSignal.timeout(WITHIN_MS));
      return { ok: true, standing: user.is_bot ? 'bot' : standingOf(user) };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  };
  return async (body) => JSON.stringify(await answer(body));
}
