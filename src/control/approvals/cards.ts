import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '#core/action.ts';
import type { Card, CardButton } from '#core/card.ts';
import { newNonce } from '#lib/id.ts';
import type { ApprovalRecord, Asks } from '../store/approval-repository.ts';

/** What a button stands for: one decision on exactly one thing. */
const Meaning = z.strictObject({
  approval: z.string(),
  hash: z.string(),
  /** Unix milliseconds. */
  expiresAt: z.int(),
  nonce: z.string(),
  verb: z.enum(['approve', 'deny', 'answer']),
  /** For an answer, which of the choices. */
  choice: z.string().optional(),
});
export type Meaning = z.output<typeof Meaning>;

const Signed = Meaning.extend({ mac: z.string() });
const KEY_BYTES = 32;
const PURPOSE = 'olympus cards v1';

/**
 * Makes the buttons of cards, and knows its own again. The chat server signs nothing of what it tells of a press, and
 * shows a button's context to nobody: an HMAC in it proves that the button was made here, for exactly this decision.
 */
export class Cards {
  readonly #url: string;
  readonly #key: Uint8Array;

  /** `secret` is the full token of the API: who has it may decide everything anyway. The key is derived from it (RFC 5869). */
  constructor(options: { readonly url: string; readonly secret: string }) {
    this.#url = options.url;
    this.#key = new Uint8Array(hkdfSync('sha256', options.secret, '', PURPOSE, KEY_BYTES));
  }

  /** The card for what is to be decided; undefined for a question without choices, which nobody can answer by a button. */
  cardOf(asked: Pick<ApprovalRecord, 'id' | 'hash' | 'asks' | 'expiresAt'>): Card | undefined {
    const { id, hash, asks, expiresAt } = asked;
    const buttons = decisionsOf(asks).map(({ name, style, ...decision }): CardButton => {
      const meaning = { approval: id, hash, expiresAt, nonce: newNonce(), ...decision };
      return { name, style, press: { ...meaning, mac: this.#mac(meaning) } };
    });
    return buttons.length > 0 ? { id, url: this.#url, buttons } : undefined;
  }

  /** What the pressed button stands for; undefined when it was not made here, or was changed since. */
  read(press: unknown): Meaning | undefined {
    const parsed = Signed.safeParse(press);
    if (!parsed.success) return undefined;
    const { mac, ...meaning } = parsed.data;
    const right = Buffer.from(this.#mac(meaning));
    const given = Buffer.from(mac);
    return given.length === right.length && timingSafeEqual(given, right) ? meaning : undefined;
  }

  #mac(meaning: Meaning): string {
    return createHmac('sha256', this.#key).update(canonicalJson(meaning)).digest('hex');
  }
}

type Decision = Pick<CardButton, 'name' | 'style'> & Pick<Meaning, 'verb' | 'choice'>;

function decisionsOf(asks: Asks): Decision[] {
  if ('action' in asks) {
    return [
      { name: 'Approve', style: 'primary', verb: 'approve' },
      { name: 'Deny', style: 'danger', verb: 'deny' },
    ];
  }
  const { choices = [] } = asks.question;
  return choices.map((choice) => ({ name: choice, style: 'default', verb: 'answer', choice }));
}

/** Whether the thing has a card, where there are cards. */
export function hasCard(asks: Asks): boolean {
  return decisionsOf(asks).length > 0;
}
