import assert from 'node:assert/strict';
import type { ConsumerConfig, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { agentConsumersOf, buckets, controlConsumersOf, streamNames, streamsOf } from '#core/streams.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { type Drift, describeDrift } from '#integrations/nats/drift.ts';
import { ensureBucket, ensureConsumer, ensureStream } from '#integrations/nats/topology.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { FLEET, FleetBus, managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Store } from '../../src/control/store/store.ts';
import { Topology } from '../../src/control/topology/topology.ts';

const SECOND = 1_000_000_000; // nanoseconds

describe('streams and consumers that somebody has changed by hand', () => {
  let bus: FleetBus;
  let control: BusClient;
  let manager: JetStreamManager;
  before(async () => {
    bus = await FleetBus.start();
    control = await bus.connect('control');
    manager = await managerOf(control);
    await ensureAll(manager);
  });
  after(async () => {
    await control?.[Symbol.asyncDispose]();
    await bus?.[Symbol.asyncDispose]();
  });

  it('are what they were before, each setting alone and on every stream', async () => {
    const specified = await configsOf(manager);
    const changed = new Set<string>();

    for (const [name, was] of specified.streams) {
      for (const change of STREAM_CHANGES) {
        // Some do not go together with what the stream is: the server refuses them.
        const done = await manager.streams.update(name, change(was)).then(
          () => true,
          () => false,
        );
        if (done) for (const field of Object.keys(change(was))) changed.add(field);
      }
      assert.deepEqual(await ensureAll(manager), [], name);
    }

    assert.deepEqual((await configsOf(manager)).streams, specified.streams);
    const tried = STREAM_CHANGES.flatMap((change) => Object.keys(change({} as StreamConfig)));
    assert.deepEqual(
      tried.filter((field) => !changed.has(field)),
      [],
    );
  });

  it('are what they were before, each setting alone and on every consumer', async () => {
    const specified = await configsOf(manager);

    for (const [key, was] of specified.consumers) {
      const [stream = '', durable = ''] = key.split(' ');
      for (const change of CONSUMER_CHANGES) {
        await manager.consumers.update(stream, durable, change);
        assert.notDeepEqual(
          (await manager.consumers.info(stream, durable)).config,
          was,
          Object.keys(change)[0],
        );
        assert.deepEqual(await ensureAll(manager), []);
      }
      await manager.consumers.pause(stream, durable, new Date(Date.now() + 3_600_000));
      assert.deepEqual(await ensureAll(manager), []);
      assert.equal((await manager.consumers.info(stream, durable)).paused, undefined);
    }

    const now = [...(await configsOf(manager)).consumers];
    // What the server keeps of a pause that was taken back.
    const resumed = { pause_until: '1970-01-01T00:00:00Z' };
    assert.deepEqual(
      now,
      [...specified.consumers].map(([key, was]) => [key, { ...was, ...resumed }]),
    );
  });

  it('do not let an agent take away what waits there', async () => {
    await manager.streams.update(streamNames.requests, { allow_rollup_hdrs: true });
    await ensureAll(manager);
    const { state } = await manager.streams.info(streamNames.requests);
    assert.ok(state.messages > 0);
    await using athena = await bus.connect('athena');

    const subject = `${FLEET}.requests.athena.task-create`;
    await athena.publishRaw(subject, '{}', { headers: { 'Nats-Rollup': 'all' } });
    // Answered after the other was.
    await athena.request(subject, '{}');

    assert.equal((await manager.streams.info(streamNames.requests)).state.messages, state.messages + 1);
  });

  // This and the next last: these changes cannot be taken back.
  it('are reported where the server takes nothing back, and all else is put right', async () => {
    const name = streamNames.runlog;
    const was = (await configsOf(manager)).streams.get(name);
    const lasting = { deny_delete: true, deny_purge: true, allow_msg_ttl: true };
    await manager.streams.update(name, {
      ...lasting,
      max_msgs: 5,
      duplicate_window: SECOND,
      max_age: SECOND,
    });

    const drifts = await ensureAll(manager);

    assert.deepEqual(drifts.map(({ of, field }) => `${of} ${field}`).toSorted(), [
      'ROUNDTABLE_RUNLOG allow_msg_ttl',
      'ROUNDTABLE_RUNLOG deny_delete',
      'ROUNDTABLE_RUNLOG deny_purge',
    ]);
    assert.match(
      describeDrift(drifts),
      /deny_delete is true, not unset \(.*can not cancel deny message deletes/,
    );
    assert.deepEqual((await configsOf(manager)).streams.get(name), { ...was, ...lasting });
  });

  it('make the control plane say that it is not well, once in its log', async () => {
    await using resources = new AsyncDisposableStack();
    const dir = resources.use(await tempDir('drift'));
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const shared = { log: createLogger({ name: 'test', level: 'error', destination }), clock: systemClock };
    const store = new Store({ stateDir: dir.path, clock: systemClock });
    const connection = new BusConnection({ ...shared, ...bus.controlAccess, name: 'test' });
    const topology = new Topology({ ...shared, fleet: FLEET, bus: connection, store });
    for (const part of [store, connection, topology]) {
      await part.start();
      resources.defer(() => part.stop());
    }

    await waitFor('the streams to be looked at', () => topology.ready);

    assert.match(topology.health().reason ?? '', /ROUNDTABLE_RUNLOG: deny_delete is true/);
    assert.equal(topology.health().ready, false);
    assert.equal(lines.filter((line) => line.includes('streams are not as specified')).length, 1);
  });
});

/** One change each, of all that an update can change and change back. */
const STREAM_CHANGES: readonly ((was: StreamConfig) => Partial<StreamConfig>)[] = [
  ({ allow_rollup_hdrs }) => ({ allow_rollup_hdrs: !allow_rollup_hdrs }),
  ({ allow_direct }) => ({ allow_direct: !allow_direct }),
  ({ discard }) => ({ discard: discard === 'new' ? 'old' : 'new' }) as Partial<StreamConfig>,
  ({ retention }) => (retention === 'limits' ? { retention: 'interest' } : {}) as Partial<StreamConfig>,
  () => ({ subjects: ['elsewhere.>'] }),
  () => ({ max_msgs: 5 }),
  () => ({ max_bytes: 1024 }),
  () => ({ max_msg_size: 17 }),
  () => ({ max_msgs_per_subject: 3 }),
  () => ({ max_consumers: 700 }),
  () => ({ max_age: 3600 * SECOND }),
  () => ({ duplicate_window: SECOND }),
  () => ({ no_ack: true }),
  () => ({ description: 'by hand' }),
  () => ({ metadata: { by: 'hand' } }),
  () => ({ republish: { src: '>', dest: 'leak.>' } }),
  () => ({ subject_transform: { src: '>', dest: 'moved.>' } }),
  () => ({ sources: [{ name: 'ELSEWHERE' }] }),
  () => ({ placement: { tags: ['here'] } }) as Partial<StreamConfig>,
  () => ({ compression: 's2' }) as Partial<StreamConfig>,
  () => ({ consumer_limits: { max_ack_pending: 1000 } }),
  () => ({ mirror_direct: true }),
  () => ({ allow_atomic: true }),
  () => ({ allow_batched: true }),
];

const CONSUMER_CHANGES: readonly Partial<ConsumerConfig>[] = [
  { headers_only: true },
  { inactive_threshold: 1000 * SECOND },
  { max_batch: 1 },
  { max_expires: SECOND },
  { max_bytes: 10 },
  { ack_wait: SECOND },
  { max_ack_pending: 1 },
  { max_deliver: 500 },
  { backoff: [SECOND], max_deliver: 500 },
  { sample_freq: '100' },
  { description: 'by hand' },
  { metadata: { by: 'hand' } },
  { num_replicas: 1 },
  { priority_groups: ['a'], priority_policy: 'overflow' } as Partial<ConsumerConfig>,
];

async function ensureAll(manager: JetStreamManager): Promise<Drift[]> {
  const drifts: Drift[] = [];
  for (const stream of streamsOf(FLEET)) drifts.push(...(await ensureStream(manager, stream)));
  for (const bucket of buckets) drifts.push(...(await ensureBucket(manager, bucket)));
  for (const consumer of [...controlConsumersOf(FLEET), ...agentConsumersOf(FLEET, 'athena')]) {
    drifts.push(...(await ensureConsumer(manager, consumer)));
  }
  return drifts;
}

/** What the server holds, by stream, and by stream and consumer. */
async function configsOf(
  manager: JetStreamManager,
): Promise<{ streams: Map<string, StreamConfig>; consumers: Map<string, ConsumerConfig> }> {
  const streams = new Map<string, StreamConfig>();
  const consumers = new Map<string, ConsumerConfig>();
  for await (const { config } of manager.streams.list()) {
    streams.set(config.name, withoutServers(config));
    for await (const consumer of manager.consumers.list(config.name)) {
      if (consumer.name !== 'apollo')
        consumers.set(`${config.name} ${consumer.name}`, withoutServers(consumer.config));
    }
  }
  return { streams, consumers };
}

/** What the server writes into the metadata tells which version a setting asks for, and stays when that has gone. */
function withoutServers<T extends { metadata?: Record<string, string> }>(config: T): T {
  const own = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith('_nats.'));
  return { ...config, metadata: Object.fromEntries(own) };
}
