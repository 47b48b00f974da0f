import type { Clock } from '#lib/clock.ts';
import type { Effects } from './effects.ts';
import type { Behaviour, Script } from './script.ts';

export type TurnState =
  | { readonly kind: 'running' }
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'failed'; readonly failure: string; readonly message: string };

/** A turn as it is shown. */
export interface TurnView {
  readonly tools: readonly string[];
  readonly state: TurnState;
}

interface Turn {
  readonly behaviour: Behaviour;
  tools: readonly string[];
  state: TurnState;
  readonly aborted: AbortController;
  /** Replaced and resolved whenever something of the turn changes. */
  change: PromiseWithResolvers<void>;
}

const DEFAULT_MS = 20;

/**
 * The turns there were, by run.
 * INVARIANT: a turn has its effect when it is started, and is started once for each run that is remembered.
 */
export class Turns {
  readonly #options: { readonly script: Script; readonly effects: Effects; readonly clock: Clock };
  readonly #turns = new Map<string, Turn>();
  readonly #held = new Set<AbortController>();

  constructor(options: { readonly script: Script; readonly effects: Effects; readonly clock: Clock }) {
    this.#options = options;
  }

  /** Starts the turn of a run that is new here; of any other it tells how it stands. */
  start(runId: string, text: string): TurnView {
    const known = this.#turns.get(runId);
    if (known) return view(known);
    const { script, effects, clock } = this.#options;
    effects.add(runId, clock.now());
    const turn: Turn = {
      behaviour: script.take(text),
      tools: [],
      state: { kind: 'running' },
      aborted: new AbortController(),
      change: Promise.withResolvers(),
    };
    this.#turns.set(runId, turn);
    void this.#play(runId, turn);
    return view(turn);
  }

  /** How a turn stands once it has more than `seen` tools or an end, or after `waitMs`; undefined for no such turn. */
  async wait(
    runId: string,
    seen: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<TurnView | undefined> {
    const turn = this.#turns.get(runId);
    if (!turn) return undefined;
    const enough = new AbortController();
    const limit = this.#options.clock.sleep(waitMs, AbortSignal.any([signal, enough.signal]));
    let over = waitMs <= 0;
    const ended = limit.then(() => {
      over = true;
    });
    while (!over && turn.state.kind === 'running' && turn.tools.length <= seen) {
      await Promise.race([turn.change.promise, ended]);
    }
    enough.abort();
    return view(turn);
  }

  /** Ends a running turn that lets itself be ended; any other stays as it is. */
  abort(runId: string): boolean {
    const turn = this.#turns.get(runId);
    if (!turn?.behaviour.ignoresAbort) turn?.aborted.abort();
    return turn !== undefined;
  }

  /** Lets the turns that are held come to their ends. */
  release(): number {
    const held = [...this.#held];
    this.#held.clear();
    for (const each of held) each.abort();
    return held.length;
  }

  /** Forgets turns that are over, as a gateway does whose sessions were reset: asked again, they are new. */
  forget(runIds: readonly string[]): number {
    const over = runIds.filter((runId) => (this.#turns.get(runId)?.state.kind ?? 'running') !== 'running');
    for (const runId of over) this.#turns.delete(runId);
    return over.length;
  }

  list(): { readonly runId: string; readonly state: TurnState['kind'] }[] {
    return [...this.#turns].map(([runId, { state }]) => ({ runId, state: state.kind }));
  }

  /** Ends every turn. */
  close(): void {
    for (const turn of this.#turns.values()) turn.aborted.abort();
  }

  /** A turn goes on whoever waits for it. */
  async #play(runId: string, turn: Turn): Promise<void> {
    const { clock } = this.#options;
    const { behaviour } = turn;
    const { signal } = turn.aborted;
    const { durationMs = DEFAULT_MS, tools = [], neverEnds = false, held = false } = behaviour;
    const pauseMs = durationMs / (tools.length + 1);
    for (const tool of tools) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) break;
      changed(turn, { tools: [...turn.tools, tool] });
    }
    if (held) await this.#hold(signal);
    else await clock.sleep(neverEnds ? LONGEST_MS : pauseMs, signal);
    changed(turn, { state: signal.aborted ? ABORTED : stateOf(runId, behaviour) });
  }

  async #hold(aborted: AbortSignal): Promise<void> {
    const released = new AbortController();
    this.#held.add(released);
    await this.#options.clock.sleep(LONGEST_MS, AbortSignal.any([aborted, released.signal]));
    this.#held.delete(released);
  }
}

/** The longest that a timer of Node takes. */
const LONGEST_MS = 2 ** 31 - 1;
const ABORTED: TurnState = { kind: 'failed', failure: 'cancelled', message: 'The turn was aborted.' };

function changed(turn: Turn, change: Partial<TurnView>): void {
  Object.assign(turn, change);
  turn.change.resolve();
  turn.change = Promise.withResolvers();
}

function stateOf(runId: string, { failure, text }: Behaviour): TurnState {
  if (failure) return { kind: 'failed', failure, message: text ?? `The script says ${failure}.` };
  return { kind: 'answered', text: text ?? `This is a script, not a model; it stands for run ${runId}.` };
}

function view({ tools, state }: Turn): TurnView {
  return { tools, state };
}
