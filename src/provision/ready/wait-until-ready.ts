import { stripVTControlCharacters } from 'node:util';
import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { Clock } from '#lib/clock.ts';
import { NotReady, PHASES, type Phase } from './not-ready.ts';
import type { Probe } from './probes.ts';

export interface ReadyOptions {
  readonly machine: string;
  readonly hypervisor: Hypervisor;
  readonly probes: Readonly<Record<Phase, Probe>>;
  /** Where the machine's console is kept on the hypervisor; its growth is progress. */
  readonly consoleFile: string;
  /** Leave out the phases of a first boot: the machine came up whole before. */
  readonly quick: boolean;
  readonly progressTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onPhase: (phase: Phase) => void;
}

const POLL_MS = 1000;
const CONSOLE_LINES = 15;

/**
 * Follows a machine through its phases, and resolves when the last is over. A slow machine is left alone as long
 * as anything moves: only one that shows no progress for a while, or never ends, is given up as NotReady.
 */
export async function waitUntilReady(options: ReadyOptions): Promise<void> {
  const { probes, quick, signal, onPhase, clock } = options;
  const watch = new ProgressWatch(options);
  for (const phase of PHASES) {
    if (quick && phase === 'cloud-init') break;
    onPhase(phase);
    watch.moved();
    for (;;) {
      signal.throwIfAborted();
      const look = await probes[phase](signal);
      if (look.is === 'over') break;
      if (look.is === 'hopeless') throw await giveUp(options, phase, look.why);
      await stillUp(options, phase, look.why);
      const patience = await watch.outOfPatience();
      if (patience) throw await giveUp(options, phase, `${look.why}; ${patience}`);
      await clock.sleep(POLL_MS, signal);
    }
  }
}

/** A machine that died meanwhile will not answer later: say so now, not at the end of a time-out. */
async function stillUp(options: ReadyOptions, phase: Phase, why: string): Promise<void> {
  const look = await options.probes.running(options.signal);
  if (look.is !== 'over') throw await giveUp(options, phase, `${look.why}; before that: ${why}`);
}

async function giveUp(options: ReadyOptions, phase: Phase, why: string): Promise<NotReady> {
  const { machine, hypervisor, consoleFile, signal } = options;
  const lines = await hypervisor.tail(consoleFile, CONSOLE_LINES, signal);
  return new NotReady(machine, phase, why, lines.map(readable));
}

/** A console line without what steers a terminal. */
function readable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return stripVTControlCharacters(line).replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '');
}

class ProgressWatch {
  readonly #options: ReadyOptions;
  readonly #startedAt: number;
  #movedAt: number;
  #consoleSize = 0;

  constructor(options: ReadyOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#movedAt = this.#startedAt;
  }

  moved(): void {
    this.#movedAt = this.#options.clock.now();
  }

  /** Why nobody should wait any longer; undefined while there is hope. */
  async outOfPatience(): Promise<string | undefined> {
    const { hypervisor, consoleFile, signal, clock, progressTimeoutMs, bootTimeoutMs } = this.#options;
    const size = (await hypervisor.fileSize(consoleFile, signal)) ?? 0;
    if (size !== this.#consoleSize) this.moved();
    this.#consoleSize = size;
    const now = clock.now();
    if (now - this.#movedAt >= progressTimeoutMs) {
      return `nothing moved for ${progressTimeoutMs / 1000} s, not even its console`;
    }
    if (now - this.#startedAt >= bootTimeoutMs) {
      return `it is not up after ${bootTimeoutMs / 1000} s`;
    }
    return undefined;
  }
}
