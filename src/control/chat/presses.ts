import type { FastifyInstance } from 'fastify';
import { Press, type PressAnswer } from '#core/api-press.ts';
import type { Logger } from '#lib/log.ts';
import { refuse } from '../api/refuse.ts';
import { readRequest } from '../api/request.ts';
import type { ApiTokens } from '../api/tokens.ts';
import type { Cards, Meaning } from '../approvals/cards.ts';
import { decideApproval, type Wish } from '../approvals/decide.ts';
import { decisionSentence } from '../approvals/texts.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { refusalFor, type Speaker, speakerOf } from './may.ts';
import type { RefusalByStanding } from './standing.ts';

export interface PressOptions {
  readonly store: Store;
  readonly context: ControlContext;
  readonly cards: Cards;
  /** The addresses of the chat server, as it is seen from here. */
  readonly from: readonly string[];
  /** Who is who in chat, and may do what. */
  readonly tokens: Pick<ApiTokens, 'callerInChat'>;
  /** Asked anew with every press. */
  readonly refusal: RefusalByStanding;
  /** Called after somebody has decided. */
  readonly onDecided: () => void;
  readonly log: Logger;
}

/**
 * `/chat/press`: the chat server tells that somebody pressed a button of a card. It proves nothing about itself, so it
 * is believed by its address alone, and the button by its HMAC. Pressed again, nothing changes; whoever pressed is told.
 */
export function addPressRoute(app: FastifyInstance, options: PressOptions): void {
  const { store, context, cards, from, tokens, refusal, onDecided, log } = options;
  app.post('/chat/press', async (request, reply) => {
    const address = request.ip.replace(/^::ffff:/, '');
    if (!from.includes(address)) {
      log.warn({ address }, 'press of a button from an address that is not the chat server’s');
      const sentence = `${address} is not an address of the chat server: see OLYMPUS_CARDS_FROM`;
      return reply.code(403).send(refuse('forbidden', sentence));
    }
    const press = readRequest(Press, request.body);
    const account = { id: press.user_id, name: press.user_name };
    const meaning = cards.read(press.context);
    if (!meaning) {
      log.warn({ account: account.id }, 'press of a button that was not made here');
      return reply.code(403).send(refuse('forbidden', 'this button was not made here'));
    }
    const speaker = speakerOf(account, tokens.callerInChat(account));
    const agent = await store.transaction((tx) => agentOf(tx, meaning));
    const text =
      (agent && (await refusal(agent, account.id))) ??
      (await store.transaction((tx) => decide(tx, context, meaning, speaker)));
    log.info({ by: speaker.name, account: account.id, approvalId: meaning.approval }, 'button pressed');
    onDecided();
    return { ephemeral_text: text } satisfies PressAnswer;
  });
}

/** Whose daemon has shown the button. */
async function agentOf(tx: Repositories, { approval }: Meaning): Promise<string | undefined> {
  const asked = await tx.approvals.byId(approval);
  return asked && (await tx.tasks.byId(asked.taskId))?.author;
}

/** Decides it, if this person may; the answer is what they alone are told. */
async function decide(
  tx: Repositories,
  context: ControlContext,
  meaning: Meaning,
  speaker: Speaker,
): Promise<string> {
  const approval = await tx.approvals.byId(meaning.approval);
  if (!approval) return `There is no approval or question \`${meaning.approval}\` any more.`;
  const refusal = refusalFor(speaker, meaning.verb, await tx.tasks.byId(approval.taskId));
  if (refusal) return refusal;
  const decided = await decideApproval(tx, context, approval, wishOf(meaning, speaker));
  return decided.kind === 'decided'
    ? decisionSentence(decided.approval)
    : `\`${approval.id}\` stays as it is: ${decided.sentence}.`;
}

function wishOf({ verb, hash, choice = '' }: Meaning, { name: by }: Speaker): Wish {
  const base = { by, isNamed: true };
  if (verb === 'approve') return { ...base, event: verb, hash };
  return verb === 'deny' ? { ...base, event: verb } : { ...base, event: verb, answer: choice };
}
