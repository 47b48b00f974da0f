import assert from 'node:assert/strict';
import type { JetStreamManager } from '@nats-io/jetstream';
import { streamNames, streamsOf } from '#core/streams.ts';
import { type Cell, cellsOf } from '#test/bus-matrix/cells.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { FLEET, FleetBus, managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { waitFor } from '#test/wait.ts';

/** What an agent is refused would do something: here it is done, as control. Each case has a bus of its own. */
describe('what control may do of what an agent is refused', () => {
  // The system account is nobody's: no user of ours reaches it, and nothing is claimed about it.
  const refused = cellsOf(FLEET, 'athena', 'apollo').filter(
    ({ allowed, subject }) => !allowed && !subject.startsWith('$SYS.'),
  );
  let bus: FleetBus;
  let control: BusClient;
  let manager: JetStreamManager;
  beforeEach(async () => {
    bus = await FleetBus.start();
    control = await bus.connect('control');
    manager = await managerOf(control);
  });
  afterEach(async () => {
    await control?.[Symbol.asyncDispose]();
    await bus?.[Symbol.asyncDispose]();
  });

  it('puts into the streams what it publishes there', async () => {
    await manager.streams.purge(streamNames.tasks); // takes one message of each subject
    const stored = publishes(refused).filter((subject) => isStored(subject));
    assert.ok(stored.length >= 25, `only ${stored.length}`);

    for (const subject of stored) {
      const before = await lastSequences(manager);
      const answer = (await control.request(subject, '{}')).json<{ stream: string; seq: number }>();

      assert.equal(answer.seq, (before.get(answer.stream) ?? 0) + 1, `${subject}: ${JSON.stringify(answer)}`);
      assert.equal((await lastSequences(manager)).get(answer.stream), answer.seq);
    }
  });

  it('is heard where nothing is stored', async () => {
    await using watcher = await bus.connect('control');
    const heard = new Set<string>();
    watcher.connection.subscribe('>', { callback: (_error, message) => void heard.add(message.subject) });
    await watcher.connection.flush();
    const passing = publishes(refused).filter(
      (subject) => !isStored(subject) && !/^\$JS\.(API|ACK)/.test(subject),
    );
    assert.ok(passing.length >= 25, `only ${passing.length}`);

    for (const subject of passing) await control.publishRaw(subject, '{}');

    await waitFor('all to be heard', () => passing.every((subject) => heard.has(subject)));
  });

  it('hears what it listens to', async () => {
    const listened = refused.filter(({ does }) => does === 'subscribe').map(({ subject }) => subject);
    const heard = new Set<string>();
    for (const subject of listened) {
      control.connection.subscribe(subject, { callback: () => void heard.add(subject) });
    }
    await control.connection.flush();
    await using speaker = await bus.connect('control');

    for (const subject of listened) {
      const sample = subject.replaceAll('*', 'some').replace('>', 'some.more');
      await speaker.publishRaw(sample, '{}');
    }

    await waitFor('all to be heard', () => listened.every((subject) => heard.has(subject)));
  });

  it('reads, makes and takes away what JetStream holds', async () => {
    const called = new Set<string>();
    for (const { name } of streamsOf(FLEET)) {
      const call = async (kind: string, body: object = {}, more = ''): Promise<Answer> => {
        const subject = `$JS.API.${kind}.${name}${more}`;
        assert.ok(publishes(refused).includes(subject), `${subject} is no cell`);
        called.add(kind);
        const answer = (await control.request(subject, JSON.stringify(body))).json<Answer>();
        assert.equal(answer.error, undefined, `${subject}: ${JSON.stringify(answer)}`);
        return answer;
      };

      assert.equal((await call('STREAM.INFO')).config?.name, name);
      const { last_seq } = (await call('STREAM.INFO')).state ?? { last_seq: 0 };
      assert.equal((await call('STREAM.MSG.GET', { seq: last_seq })).message?.seq, last_seq);
      await call('STREAM.MSG.DELETE', { seq: last_seq });
      assert.equal((await call('STREAM.INFO')).state?.messages, 1);
      await call('STREAM.PURGE');
      assert.equal((await call('STREAM.INFO')).state?.messages, 0);
      for (const taken of (await call('CONSUMER.NAMES')).consumers ?? []) {
        await manager.consumers.delete(name, taken);
      }
      const evil = { durable_name: 'evil', ack_policy: 'explicit' };
      await call('CONSUMER.CREATE', { stream_name: name, config: { ...evil, name: 'evil' } }, '.evil');
      assert.deepEqual((await call('CONSUMER.NAMES')).consumers, ['evil']);
      await manager.consumers.delete(name, 'evil');
      await call('CONSUMER.DURABLE.CREATE', { stream_name: name, config: evil }, '.evil');
      assert.deepEqual((await call('CONSUMER.NAMES')).consumers, ['evil']);
      const { config } = await manager.streams.info(name);
      await call('STREAM.UPDATE', { ...config, description: 'by hand' });
      assert.equal((await manager.streams.info(name)).config.description, 'by hand');
      await call('STREAM.DELETE');
      await assert.rejects(manager.streams.info(name), /stream not found/);
      await call('STREAM.CREATE', { name, subjects: ['evil'] });
      assert.deepEqual((await manager.streams.info(name)).config.subjects, ['evil']);
      await manager.streams.delete(name);
    }
    assert.equal(called.size, 10);
  });
});

interface Answer {
  readonly error?: unknown;
  readonly config?: { readonly name: string };
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly message?: { readonly seq: number };
  readonly consumers?: readonly string[];
}

function publishes(cells: readonly Cell[]): string[] {
  return cells.filter(({ does }) => does === 'publish').map(({ subject }) => subject);
}

/** Whether a stream or a bucket takes it. */
function isStored(subject: string): boolean {
  const filters = [...streamsOf(FLEET).flatMap(({ subjects }) => subjects), '$KV.agents.>', '$KV.leases.>'];
  return filters.some((filter) => {
    const expression = filter.replaceAll('.', '\\.').replaceAll('$', '\\$').replaceAll('*', '[^.]+');
    return new RegExp(`^${expression.replace('>', '.+')}$`).test(subject);
  });
}

async function lastSequences(manager: JetStreamManager): Promise<Map<string, number>> {
  const sequences = new Map<string, number>();
  for await (const { config, state } of manager.streams.list()) sequences.set(config.name, state.last_seq);
  return sequences;
}
