import { z } from 'zod';
import { Token } from './tokens.ts';

/** A button below a message in chat. */
export const CardButton = z.looseObject({
  /** What stands on it. */
  name: z.string().min(1).max(200),
  style: z.enum(['default', 'primary', 'danger']),
  /** Comes back with a press of it, untouched, to the one who signed it. */
  press: z.record(z.string(), z.unknown()),
});
export type CardButton = z.output<typeof CardButton>;

/** What makes a message in chat a card: people decide something by pressing one of its buttons. */
export const Card = z.looseObject({
  /** The approval or question that it is about. There is one card for each. */
  id: Token,
  /** Where the chat server tells of a press. */
  url: z.url(),
  buttons: z.array(CardButton).min(1).max(12),
});
export type Card = z.output<typeof Card>;

/** What becomes of a card once there is nothing left to press. */
export const ClosedCard = z.looseObject({ id: Token, text: z.string().min(1) });
export type ClosedCard = z.output<typeof ClosedCard>;

const MARKED = 'card-';

/** The mark by which the post with a card is found again. */
export function markerOfCard(id: string): string {
  return `${MARKED}${id}`;
}

/** Whose card the post with this mark is; undefined for what is no card. */
export function cardOfMarker(marker: string): string | undefined {
  return marker.startsWith(MARKED) ? marker.slice(MARKED.length) : undefined;
}
