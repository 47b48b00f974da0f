import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { PartHealth } from './lifecycle.ts';

/**
 * How often the delay of the event loop is looked at, which wakes the process: a hundred times a second, as prom-client
 * would, is most of what an idle one does. The delays that are shown begin at this.
 */
const LOOP_DELAY_EVERY_MS = 250;

/** The numbers of one process, in Prometheus' words. Labels have few values: never an id. */
export class Metrics {
  readonly #registry = new Registry();

  constructor(parts: () => PartHealth[]) {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_DELAY_EVERY_MS });
    this.gauge('olympus_part_live', 'Whether the loops of a part advance (1) or not (0)', 'part', () =>
      Object.fromEntries(parts().map((part) => [part.name, Number(part.live)])),
    );
    this.gauge('olympus_part_ready', 'Whether the peers of a part answer (1) or not (0)', 'part', () =>
      Object.fromEntries(parts().map((part) => [part.name, Number(part.ready)])),
    );
    this.gauge('olympus_part_alarm', 'Whether somebody has to look at a part (1) or not (0)', 'part', () =>
      Object.fromEntries(parts().map((part) => [part.name, Number(part.alarm === true)])),
    );
  }

  /** A number that is read when somebody asks: label value → number. */
  gauge(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number);
      },
    });
  }

  /** A number that only grows; returns the function that adds one. */
  counter(name: string, help: string, label: string): (value: string) => void {
    const counter = new Counter({ name, help, labelNames: [label], registers: [this.#registry] });
    return (value) => counter.inc({ [label]: value });
  }

  async render(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}
