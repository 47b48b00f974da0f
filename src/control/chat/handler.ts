import { readChatCommand } from '#core/chat-command.ts';
import { Conversation } from '#core/conversation.ts';
import { parseMessage } from '#core/envelope.ts';
import { ChatCommandRequest } from '#core/messages/chat-command.ts';
import { authorOf } from '#core/subjects.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import type { AdmissionOptions } from '../admission/admission.ts';
import type { ApiTokens } from '../api/tokens.ts';
import { say } from '../deliveries/deliver.ts';
import type { Repositories } from '../store/store.ts';
import { speakerOf } from './may.ts';
import { obey } from './obey.ts';

export interface ChatCommandOptions {
  readonly admission: AdmissionOptions;
  /** Who is who in chat, and may do what. */
  readonly tokens: Pick<ApiTokens, 'callerInChat'>;
  /** Called after something was done. */
  readonly onObeyed: () => void;
}

type Request = ChatCommandRequest['data'];

/** What arrives later than this is not done any more: it may not be meant any more. */
const LATE_MS = 24 * 3600 * 1000;

/**
 * Handles what people say to the control plane in chat. Every agent that read it brings it: the first counts, and its
 * agent speaks; the others only learn that it is done. A second delivery is one more that comes later.
 */
export function chatCommandHandler(options: ChatCommandOptions): (message: BusMessage) => Promise<void> {
  const { admission, onObeyed } = options;
  const { store, context, deadLetters, log } = admission;
  return async (message) => {
    const author = authorOf(message.subject);
    const parsed = parseMessage(message.body, [ChatCommandRequest]);
    if (!author || parsed.kind !== 'ok') return deadLetters.giveUp(message, parsed);
    const { data } = parsed.message;
    // Only what is known here: it is repeated in the delivery.
    const conversation = Conversation.strip().parse(data.conversation);
    await store.transaction(async (tx) => {
      const isNew = await tx.chatCommands.add(data.key, context.now());
      const text = isNew
        ? await answerTo(tx, options, { author, request: data, conversation, time: parsed.message.time })
        : undefined;
      await say(tx, context, { agent: author, conversation, state: 'said', text, depth: 0 });
    });
    log.info(
      { by: data.requester.name, account: data.requester.id, through: author, said: data.text.slice(0, 80) },
      'command from chat',
    );
    onObeyed();
    await message.ack();
  };
}

async function answerTo(
  tx: Repositories,
  { admission, tokens }: ChatCommandOptions,
  {
    author,
    request,
    conversation,
    time,
  }: { author: string; request: Request; conversation: Conversation; time: string },
): Promise<string> {
  const { requester, text } = request;
  const saidAt = Date.parse(request.saidAt ?? time);
  if (admission.context.now() - saidAt > LATE_MS)
    return 'That was said more than a day ago and reached me only now, so I have not done it. Say it again if it is still meant.';
  const { requester: count } = await tx.asks.count(author, requester.id, admission.context.now());
  if (count > admission.perMinute)
    return `That is ${count} requests within a minute, and the limit is ${admission.perMinute}: wait a little.`;
  if (requester.standing !== 'member') return `I take nothing from a ${requester.standing} account.`;
  const read = readChatCommand(text);
  if (read.kind === 'wrong') return read.sentence;
  const speaker = speakerOf(requester, tokens.callerInChat(requester));
  return obey(tx, admission, { command: read.command, speaker, conversation, saidAt });
}
