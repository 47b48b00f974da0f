import type { Harness, HarnessHealth } from '#core/harness.ts';
import { createOpenclawHarness } from '#integrations/openclaw/harness.ts';
import { createScriptedHarness } from '#integrations/scripted/harness.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';

/** What runs the model, and what it takes to reach it. */
export type HarnessChoice =
  | { readonly kind: 'openclaw'; readonly url: string; readonly token: string }
  | { readonly kind: 'scripted'; readonly url: string };

/** A harness as a part of the daemon; its one `health` serves both. */
interface HarnessPart extends Omit<Part, 'health'>, Omit<Harness, 'health'> {
  health(): Health & HarnessHealth;
}

/** Builds the harness that was chosen. */
export function createHarness(
  choice: HarnessChoice,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): HarnessPart {
  switch (choice.kind) {
    case 'openclaw':
      return createOpenclawHarness({ url: choice.url, token: choice.token, log, clock });
    case 'scripted':
      return createScriptedHarness({ url: choice.url, log, clock });
    default:
      return choice satisfies never;
  }
}
