import { TrustLabel } from './envelope.ts';
import { CONTROL_NAME } from './tokens.ts';

/**
 * How far what a request says is trusted: as far as who asked, the API's callers most, and never further than the
 * request itself claims. A request can lower its label and not raise it.
 */
export function effectiveTrust(asked: {
  /** In whose name the request came. */
  readonly author: string;
  readonly requester: 'human' | 'bot';
  /** What the request says of itself. */
  readonly claimed: TrustLabel | undefined;
}): TrustLabel {
  const { author, requester, claimed } = asked;
  return lowered(author === CONTROL_NAME ? 'owner' : requester === 'human' ? 'member' : 'bot', claimed);
}

/** What is granted, or less where less is claimed. */
export function lowered(granted: TrustLabel, claimed: TrustLabel | undefined): TrustLabel {
  return claimed && rank(claimed) > rank(granted) ? claimed : granted;
}

/** Whether something is trusted at least as far as `wanted` says. */
export function isTrusted(label: TrustLabel, wanted: TrustLabel): boolean {
  return rank(label) <= rank(wanted);
}

/** Labels stand in the order of trust, the most trusted first. */
function rank(label: TrustLabel): number {
  return TrustLabel.options.indexOf(label);
}
