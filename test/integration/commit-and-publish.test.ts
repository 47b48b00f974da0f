import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import type { HealthView } from '#core/api.ts';
import { streamNames } from '#core/streams.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { readTasks } from '#test/chaos/ledger.ts';
import { Link } from '#test/chaos/link.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('control dies between its commit and what it publishes', () => {
  let control: ControlOnBus;
  let link: Link;
  let athena: PlayedAgent;
  let bus: BusClient;
  const dispatched: string[] = [];
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 2 });
    bus = await control.connect('control');
    bus.connection.subscribe(`${FLEET}.tasks.>`, {
      callback: (_error, { subject }) => void dispatched.push(subject),
    });
    link = await Link.open(control.nats.port);
  });
  beforeEach(async () => {
    await control.kill();
    await startOnLink();
    await waitFor('all of control to be ready', async () => {
      const { status, parts } = (await control.api<HealthView>('GET', '/healthz')).body;
      return status === 'ok' || assert.fail(JSON.stringify(parts.filter((part) => !part.ready)));
    });
    await waitFor('the outbox to be empty', () => pending().length === 0);
    dispatched.length = 0;
  });
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await link?.[Symbol.asyncDispose]();
  });

  const startOnLink = (): Promise<void> =>
    control.start({ OLYMPUS_NATS_URL: `nats://127.0.0.1:${link.port}` });
  const pending = (): readonly string[] => readTasks(control.stateDir).pending;
  /** How many messages the stream has ever taken. */
  const stored = async (): Promise<number> =>
    (await (await jetstreamManager(bus.connection)).streams.info(streamNames.tasks)).state.last_seq;

  it('before: the task is dispatched once, by the next control', async () => {
    const before = await stored();
    link.set('cut');

    const { id } = await new Operator(control).create('while the bus is away');
    const [run] = (await new Operator(control).untilState(id, 'released')).runs;
    assert.ok(run && pending().includes(run.id), 'it is committed, and waits in the outbox');
    await control.kill();
    assert.deepEqual(dispatched, []);
    link.set('whole');
    await startOnLink();

    assert.equal((await athena.next()).runId, run.id);
    await waitFor('the outbox to be empty', () => pending().length === 0);
    assert.equal((await stored()) - before, 1);
    assert.equal(dispatched.length, 1);
  });

  it('after, without having heard that it is stored: the next control says it again, and it is there once', async () => {
    const before = await stored();
    link.set('half-open');

    const { id } = await new Operator(control).create('while the bus says nothing');
    await waitFor('the dispatch to be on the bus', () => dispatched.length > 0);
    const [run] = (await new Operator(control).show(id)).runs;
    assert.ok(run && pending().includes(run.id), 'control does not know that it is stored');
    await control.kill();
    // Off the stream again: only its id tells that it was there.
    assert.equal((await athena.next()).runId, run.id);
    link.set('whole');
    await startOnLink();

    await waitFor('the outbox to be empty', () => pending().length === 0);
    // Asked over the connection that hears what is dispatched: its answer comes after that.
    assert.equal((await stored()) - before, 1);
    assert.ok(dispatched.length > 1, 'it was said again');
  });
});
