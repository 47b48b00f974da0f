import type { CommandGate, Harness, HarnessHealth } from '#core/harness.ts';
import { createOpenclawHarness } from '#integrations/openclaw/harness.ts';
import { createScriptedHarness } from '#integrations/scripted/harness.ts';
import { ServiceUnit } from '#integrations/systemd/service-unit.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';

/** What runs the model, and what it takes to reach it. */
export type HarnessChoice =
  | {
      readonly kind: 'openclaw';
      readonly url: string;
      readonly token: string;
      /** The unit that is restarted when a turn does not end; without one nothing is. */
      readonly unit: string | undefined;
      /** How long a turn may take to end when it was told (ms). */
      readonly stopWithinMs: number;
      /** How long the first turn after a start of the gateway may take (ms). */
      readonly warmUpTimeoutMs: number;
    }
  | { readonly kind: 'scripted'; readonly url: string };

/** A harness as a part of the daemon; its one `health` serves both. */
export interface HarnessPart extends Omit<Part, 'health'>, Omit<Harness, 'health'> {
  health(): Health & HarnessHealth;
}

/** Builds the harness that was chosen. */
export function createHarness(
  choice: HarnessChoice,
  {
    gate,
    log,
    clock,
  }: { readonly gate: CommandGate | undefined; readonly log: Logger; readonly clock: Clock },
): HarnessPart {
  switch (choice.kind) {
    case 'openclaw':
      return createOpenclawHarness({
        url: choice.url,
        token: choice.token,
        gate,
        restart: restartOf(choice.unit),
        stopWithinMs: choice.stopWithinMs,
        // A machine that is slow at the one is slow at the other.
        resumeGraceMs: 2 * choice.stopWithinMs,
        warmUpTimeoutMs: choice.warmUpTimeoutMs,
        log,
        clock,
      });
    case 'scripted':
      return createScriptedHarness({ url: choice.url, log, clock });
    default:
      return choice satisfies never;
  }
}

/** Longer than the 330 s that the unit has to stop, where it may not be killed, and a start under emulation. */
const RESTART_TIMEOUT_MS = 600_000;

function restartOf(name: string | undefined): ((signal: AbortSignal) => Promise<void>) | undefined {
  if (name === undefined) return undefined;
  const unit = new ServiceUnit({ name, timeoutMs: RESTART_TIMEOUT_MS });
  return (signal) => unit.restart(signal);
}
