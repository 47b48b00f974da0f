import type { ToolStep, TurnProgress } from '#core/harness.ts';

/** From how many on, or after how long, something is a sign that a turn does not get on. */
export interface StuckLimits {
  readonly silentMs: number;
  readonly sameError: number;
  readonly sameResult: number;
  readonly alternating: number;
  readonly compactions: number;
}

/** A turn with as many signs is suspected; one sign alone also has a turn that waits for something. */
export const SIGNS_OF_SUSPICION = 2;
/** Enough to see the longest pattern twice over. */
const REMEMBERED = 64;

/**
 * Watches the progress of one turn for signs that it goes round in circles. It reads no clock and does nothing.
 * What lasts twice as long as its limit counts as two signs. Output is progress, however long a call takes; silence is
 * the model's only after the turn was heard to begin, and while no call is under way. Once its gateway was away it says nothing:
 * calls are told to the connection that began the turn.
 */
export class StuckDetector {
  readonly #limits: StuckLimits;
  readonly #steps: string[] = [];
  #lastStep: ToolStep | undefined;
  /** When it last gave a sign of work; undefined while it has not begun. */
  #lastAt: number | undefined;
  #deaf = false;
  #callsUnderWay = 0;
  #sameError = 0;
  #sameResult = 0;
  #compactions = 0;

  constructor(limits: StuckLimits) {
    this.#limits = limits;
  }

  take(progress: TurnProgress, now: number): void {
    if (progress.kind === 'unheard') this.#deaf = true;
    if (progress.kind === 'started' || this.#lastAt !== undefined) this.#lastAt = now;
    if (progress.kind === 'tool') this.#callsUnderWay += 1;
    if (progress.kind === 'compacted') this.#compactions += 1;
    if (progress.step) this.#step(progress.step);
  }

  /** A sentence for each sign that there is now. */
  signs(now: number): string[] {
    const { silentMs, sameError, sameResult, alternating, compactions } = this.#limits;
    const tool = this.#lastStep?.tool ?? '';
    const swings = alternatingSteps(this.#steps);
    const listens = !this.#deaf && this.#callsUnderWay === 0;
    const silentForMs = listens ? now - (this.#lastAt ?? now) : 0;
    return [
      ...signs(this.#sameError, sameError, `the same call of ${tool} failed ${this.#sameError} times`),
      ...signs(this.#sameResult, sameResult, `${tool} was called ${this.#sameResult} times with one result`),
      ...signs(swings, alternating, `two calls took turns for ${swings} steps with the same results`),
      ...signs(
        this.#compactions,
        compactions,
        `the context was cut ${this.#compactions} times over nothing new`,
      ),
      ...signs(silentForMs, silentMs, `no sign of work for ${Math.round(silentForMs / 60_000)} minutes`),
    ];
  }

  #step(step: ToolStep): void {
    this.#callsUnderWay = Math.max(0, this.#callsUnderWay - 1);
    const last = this.#lastStep;
    const sameCall = last?.tool === step.tool && last.args === step.args;
    const error = step.failed ? 1 : 0;
    this.#sameError = sameCall && last.failed ? (this.#sameError + error) * error : error;
    this.#sameResult = sameCall && last.result === step.result ? this.#sameResult + 1 : 1;
    this.#lastStep = step;
    const identity = `${step.tool} ${step.args} ${step.result}`;
    if (!this.#steps.includes(identity)) this.#compactions = 0;
    this.#steps.push(identity);
    if (this.#steps.length > REMEMBERED) this.#steps.shift();
  }
}

/** One sign when the limit is reached, two when it is reached twice over. */
function signs(count: number, limit: number, sentence: string): string[] {
  return Array.from({ length: Math.min(SIGNS_OF_SUSPICION, Math.floor(count / limit)) }, () => sentence);
}

/** How many of the last steps are two that take turns. */
function alternatingSteps(steps: readonly string[]): number {
  let count = 0;
  for (let at = steps.length - 1; at >= 2; at -= 1) {
    if (steps[at] !== steps[at - 2] || steps[at] === steps[at - 1]) break;
    count += 1;
  }
  return count === 0 ? 0 : count + 2;
}
