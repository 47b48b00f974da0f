import assert from 'node:assert/strict';
import type { Clock } from '#lib/clock.ts';
import { NotReady, PHASES, type Phase } from '#provision/ready/not-ready.ts';
import type { Look, Probe } from '#provision/ready/probes.ts';
import { waitUntilReady } from '#provision/ready/wait-until-ready.ts';
import { FakeHypervisor } from '#test/provision/fake-hypervisor.ts';

const CONSOLE = '/var/lib/olympus/machines/athena/console.log';
const OVER: Look = { is: 'over' };

/** A clock that moves by itself whenever somebody waits, and tells what happens meanwhile. */
class HurriedClock implements Clock {
  nowMs = 0;
  readonly #meanwhile: (nowMs: number) => void;

  constructor(meanwhile: (nowMs: number) => void) {
    this.#meanwhile = meanwhile;
  }

  now(): number {
    return this.nowMs;
  }

  async sleep(durationMs: number): Promise<void> {
    this.nowMs += durationMs;
    this.#meanwhile(this.nowMs);
  }
}

/** Waits for a machine whose phases look as given, minute by minute. */
async function wait(options: {
  readonly looks?: Partial<Record<Phase, (nowMs: number) => Look>>;
  readonly console?: (nowMs: number) => string;
  readonly quick?: boolean;
  readonly signal?: AbortSignal;
}): Promise<{ phases: Phase[]; tookMs: number; error: unknown }> {
  const { looks = {}, console = () => '', quick = false } = options;
  const hypervisor = new FakeHypervisor();
  const clock = new HurriedClock((nowMs) => void hypervisor.files.set(CONSOLE, console(nowMs)));
  const phases: Phase[] = [];
  const probe =
    (phase: Phase): Probe =>
    async () =>
      looks[phase]?.(clock.nowMs) ?? OVER;
  const waiting = waitUntilReady({
    machine: 'athena',
    hypervisor,
    probes: {
      defined: probe('defined'),
      running: probe('running'),
      address: probe('address'),
      ssh: probe('ssh'),
      'cloud-init': probe('cloud-init'),
    },
    consoleFile: CONSOLE,
    quick,
    progressTimeoutMs: 240_000,
    bootTimeoutMs: 900_000,
    clock,
    signal: options.signal ?? new AbortController().signal,
    onPhase: (phase) => void phases.push(phase),
  });
  const error = await waiting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { phases, tookMs: clock.nowMs, error };
}

const until =
  (overAtMs: number) =>
  (nowMs: number): Look =>
    nowMs >= overAtMs ? OVER : { is: 'not yet', why: 'nothing answers' };
const never = until(Number.POSITIVE_INFINITY);

describe('waiting for a machine', () => {
  it('goes through every phase in order', async () => {
    const { phases, error } = await wait({ looks: { address: until(30_000), 'cloud-init': until(50_000) } });

    assert.equal(error, undefined);
    assert.deepEqual(phases, PHASES);
  });

  it('leaves out the first boot of one that came up before', async () => {
    const { phases, error } = await wait({ quick: true, looks: { 'cloud-init': never } });

    assert.equal(error, undefined);
    assert.deepEqual(phases, ['defined', 'running', 'address', 'ssh']);
  });

  it('leaves a slow one alone as long as its console moves', async () => {
    const { error, tookMs } = await wait({
      looks: { address: until(800_000) },
      console: (nowMs) => 'x'.repeat(Math.floor(nowMs / 200_000)),
    });

    assert.equal(error, undefined);
    assert.equal(tookMs, 800_000);
  });

  it('gives up one that shows nothing for four minutes, with the phase, the cause and its last lines', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join('\n');

    const { error, tookMs } = await wait({ looks: { ssh: never }, console: () => lines });

    assert.ok(error instanceof NotReady);
    assert.equal(error.phase, 'ssh');
    assert.match(
      error.message,
      /^athena did not come up: it stopped at the phase ssh: nothing answers; nothing moved for 240 s, not even its console\.$/,
    );
    assert.deepEqual(error.console, lines.split('\n').slice(-15));
    assert.ok(tookMs >= 240_000 && tookMs < 250_000, String(tookMs));
  });

  it('gives up one that is busy for ever', async () => {
    const { error, tookMs } = await wait({
      looks: { address: never },
      console: (nowMs) => 'x'.repeat(nowMs / 1000),
    });

    assert.ok(error instanceof NotReady);
    assert.match(error.message, /phase address: nothing answers; it is not up after 900 s/);
    assert.equal(tookMs, 900_000);
  });

  it('says at once that it died', async () => {
    const { error, tookMs } = await wait({
      looks: {
        running: (nowMs) => (nowMs < 5000 ? OVER : { is: 'hopeless', why: 'it is off' }),
        address: never,
      },
    });

    assert.ok(error instanceof NotReady);
    assert.match(error.message, /phase address: it is off; before that: nothing answers\.$/);
    assert.equal(tookMs, 5000);
  });

  it('says at once what no waiting mends', async () => {
    const { error, tookMs } = await wait({
      looks: { ssh: () => ({ is: 'hopeless', why: 'the host key that it shows is not the one' }) },
    });

    assert.ok(error instanceof NotReady);
    assert.match(error.message, /phase ssh: the host key/);
    assert.equal(tookMs, 0);
  });

  it('ends when it is told to', async () => {
    const reason = new Error('interrupted');

    const { error } = await wait({ looks: { ssh: never }, signal: AbortSignal.abort(reason) });

    assert.equal(error, reason);
  });
});
