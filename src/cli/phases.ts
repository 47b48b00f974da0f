import type { Report } from '#lab/up/report.ts';
import type { Clock } from '#lib/clock.ts';
import type { Output } from './output.ts';

/** What of a screen is needed to keep one line of it alive. */
interface LineScreen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A phase that has ended, and how long it took. */
export interface PhaseTime {
  readonly phase: string;
  readonly seconds: number;
}

const REDRAW_MS = 1000;

/**
 * Shows phases as they go: on a terminal one live line with the time and what it is at, replaced by a finished one;
 * elsewhere one line when a phase begins and its time when it has ended.
 */
export class Phases implements Report {
  readonly times: PhaseTime[] = [];
  readonly #screen: LineScreen;
  readonly #out: Output;
  readonly #clock: Clock;
  readonly #beganAt: number;
  #current: { readonly name: string; readonly since: number } | undefined;
  #detail = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { readonly screen: LineScreen; readonly out: Output; readonly clock: Clock }) {
    this.#screen = options.screen;
    this.#out = options.out;
    this.#clock = options.clock;
    this.#beganAt = options.clock.now();
  }

  /** Since the first phase began. */
  get totalSeconds(): number {
    return (this.#clock.now() - this.#beganAt) / 1000;
  }

  /** The phase that is under way. */
  get current(): string | undefined {
    return this.#current?.name;
  }

  phase(name: string): void {
    this.#end('✔', 'green');
    this.#current = { name, since: this.#clock.now() };
    this.#detail = '';
    if (this.#screen.isTTY) this.#draw();
    else this.#screen.write(`  ${name} …\n`);
  }

  detail(text: string): void {
    this.#detail = text;
    if (this.#screen.isTTY) this.#draw();
  }

  /** The last phase has ended well. */
  done(): void {
    this.#end('✔', 'green');
  }

  /** The phase under way has failed. */
  failed(): void {
    this.#end('✗', 'red');
  }

  #end(mark: string, style: 'green' | 'red'): void {
    clearTimeout(this.#timer);
    if (!this.#current) return;
    const { name, since } = this.#current;
    const seconds = (this.#clock.now() - since) / 1000;
    this.times.push({ phase: name, seconds });
    this.#current = undefined;
    const start = this.#screen.isTTY ? '\r\u001b[K' : '';
    this.#screen.write(`${start}${this.#out.noteStyle(style, mark)} ${name}  ${timeOf(seconds)}\n`);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    if (!this.#current) return;
    const { name, since } = this.#current;
    const seconds = Math.floor((this.#clock.now() - since) / 1000);
    const line = `… ${name}  ${timeOf(seconds)}${this.#detail ? `  ${this.#detail}` : ''}`;
    this.#screen.write(`\r\u001b[K${line.slice(0, (this.#screen.columns ?? 80) - 1)}`);
    this.#timer = setTimeout(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }
}

/** `8 s`, `1 min 12 s`. */
export function timeOf(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
