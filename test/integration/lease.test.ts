import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { RunResult } from '#core/messages/run-result.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import {
  agentConsumersOf,
  bucketNames,
  bucketStream,
  buckets,
  streamNames,
  streamsOf,
} from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { newUserKey } from '#integrations/nats/keys.ts';
import { renderServerConfig } from '#integrations/nats/server-config.ts';
import { ensureBucket, ensureConsumer, ensureStream } from '#integrations/nats/topology.ts';
import { systemClock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { Disks } from '#test/chaos/disks.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { type NatsServer, startNatsServer } from '#test/nats-server.ts';
import { startProgram } from '#test/program.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { untilUnchanged, waitFor } from '#test/wait.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

const FLEET = 'f1';
const AGENT = 'athena';
const TTL_MS = 2000;
const MAIN = path.resolve(import.meta.dirname, '../support/lease-daemon.ts');
const PATIENT = { timeoutMs: 20_000 };

describe('two daemons of one agent', function () {
  this.timeout(120_000);
  const keys = { control: newUserKey(), athena: newUserKey() };
  let nats: NatsServer;
  let control: BusClient;
  let dir: TempDir;
  let effects: string;
  let resources: AsyncDisposableStack;

  beforeEach(async () => {
    resources = new AsyncDisposableStack();
    dir = resources.use(await tempDir('lease'));
    effects = path.join(dir.path, 'effects');
    await writeFile(effects, '');
    const config = renderServerConfig({
      fleet: FLEET,
      listen: '127.0.0.1:0',
      storeDir: '/unused', // the test's server has its own
      controlKey: keys.control.publicKey,
      agentKeys: { [AGENT]: keys.athena.publicKey },
    });
    nats = resources.use(await startNatsServer({ config }));
    control = resources.use(await BusClient.connect(nats.url, keys.control.seed));
    const manager = await managerOf(control);
    for (const stream of streamsOf(FLEET)) await ensureStream(manager, stream);
    await leasesLast(TTL_MS);
    for (const consumer of agentConsumersOf(FLEET, AGENT)) {
      await ensureConsumer(manager, { ...consumer, ackWaitMs: 1000 });
    }
  });

  afterEach(async () => {
    noteForFailure('what was done', await readFile(effects, 'utf8'));
    await resources.disposeAsync();
  });

  it('never both run: the second waits, and takes over when the first is killed', async () => {
    const first = await daemon('first');
    await done('first held');
    await daemon('second');
    await done('second elsewhere');

    await release('r1');
    await waitFor('r1 to be over', async () => (await workLeft()) === 0, PATIENT);
    await release('r2', 'long');
    await done('first run r2');
    first.child.kill('SIGKILL');
    await done('second run r2');

    assert.deepEqual(await linesOf('run'), ['first run r1', 'first run r2', 'second run r2']);
  });

  it('share nothing: the first starts nothing when it wakes up after its lease, and leaves its run', async () => {
    const first = await daemon('first');
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    first.child.kill('SIGSTOP');
    // Nobody else asks for work: this one lies there when it wakes up.
    await release('r2', 'long');
    await daemon('second');
    await done('second run r1');
    await done('second run r2');
    first.child.kill('SIGCONT');
    await done('first elsewhere');
    await done('first abort r1');

    await settledFor(TTL_MS);
    assert.deepEqual((await linesOf('run')).toSorted(), ['first run r1', 'second run r1', 'second run r2']);
    assert.deepEqual(await results(), []);
  });

  it('leave it to the first while its disk is full, and nothing can be written into its journal', async function () {
    const disks = resources.use(new Disks());
    await disks.mount(path.join(dir.path, 'first'));
    if (disks.missing) this.skip();
    await daemon('first');
    await done('first held');
    await daemon('second');
    await done('second elsewhere');
    await disks.fill(path.join(dir.path, 'first'));
    await settledFor(4 * TTL_MS);

    const happened = [await linesOf('held'), await linesOf('elsewhere')];
    assert.deepEqual(happened, [['first held'], ['second elsewhere']]);
  });

  it('tell control that a run was lost, when the one it was left to goes as well', async () => {
    const first = await daemon('first');
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    first.child.kill('SIGSTOP');
    const second = await daemon('second');
    await done('second run r1');
    first.child.kill('SIGCONT');
    await done('first abort r1');
    second.child.kill('SIGKILL');

    const result = await waitFor('the result', async () => (await results())[0], PATIENT);
    assert.equal(result.failure?.class, 'agent_lost');
    assert.deepEqual(await linesOf('run'), ['first run r1', 'second run r1']);
  });

  it('are one for the bus when the second has the journal of the first: it goes on at once', async () => {
    const ttlMs = 30_000; // longer than anything is waited for here
    await leasesLast(ttlMs);
    const first = await daemon('first', { ttlMs });
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    first.child.kill('SIGKILL');
    await daemon('again', { journalOf: 'first', ttlMs });
    await done('again run r1');

    await done('again held');
    assert.deepEqual(await linesOf('elsewhere'), []);
  });

  it('hand over without a wait for the lease when the first is stopped', async () => {
    const first = await daemon('first');
    await done('first held');
    await daemon('second');
    await done('second elsewhere');
    const ended = once(first.child, 'exit');
    first.child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    await release('r1');

    await done('second run r1');
  });

  it('go on with a run while the bus is away for longer than its lease', async () => {
    await daemon('first');
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    await nats.kill();
    await settledFor(2 * TTL_MS);
    await nats.restart();

    await waitFor('the lease to be taken again', async () => (await linesOf('held')).length === 2, PATIENT);
    assert.deepEqual(await linesOf('run'), ['first run r1']);
    assert.deepEqual(await linesOf('abort'), []);
  });

  it('take a write of their own, about which they were told nothing, for no other daemon', async () => {
    // The server is silent for longer than a write is waited for, and for less than the lease is held since the last.
    const ttlMs = 20_000;
    await leasesLast(ttlMs);
    await daemon('first', { ttlMs });
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    const earlier = await lastWrite();
    await waitFor('a write to be just over', async () => (await lastWrite()) > earlier);
    const before = await lastWrite();
    nats.signal('SIGSTOP');
    await settledFor(ttlMs / 3 + 5500);
    nats.signal('SIGCONT');
    await waitFor('two more writes', async () => (await lastWrite()) >= before + 2, PATIENT);

    assert.deepEqual(await linesOf('held'), ['first held']);
    assert.deepEqual(await linesOf('elsewhere'), []);
  });

  it('wait for the lease to lapse, and leave no run, when the last write did not get into the journal', async () => {
    const first = await daemon('first');
    await done('first held');
    await release('r1', 'long');
    await done('first run r1');
    const seen = await lastWrite();
    await waitFor('it to be renewed', async () => (await lastWrite()) > seen);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const journal = new Journal({ stateDir: path.join(dir.path, 'first'), clock: systemClock });
    journal.lease.wrote(seen);
    await journal.stop();
    await daemon('again', { journalOf: 'first' });

    await done('again run r1');
    assert.deepEqual(await linesOf('elsewhere'), []);
    assert.deepEqual(await linesOf('abort'), []);
  });

  async function daemon(name: string, { journalOf = name, ttlMs = TTL_MS } = {}) {
    const stateDir = path.join(dir.path, journalOf);
    await mkdir(stateDir, { recursive: true });
    const program = startProgram(MAIN, {
      env: {
        FLEET,
        AGENT,
        NAME: name,
        NATS_URL: nats.url,
        SEED: keys.athena.seed,
        STATE_DIR: stateDir,
        EFFECTS: effects,
        TTL_MS: String(ttlMs),
      },
    });
    return resources.use(program);
  }

  async function release(runId: string, text = 'quick'): Promise<void> {
    const dispatch = TaskDispatch.create(
      { id: newId(Date.now()), source: '/test', subject: `task/${runId}`, time: new Date().toISOString() },
      {
        taskId: `t-${runId}`,
        runId,
        attempt: 1,
        epoch: 1,
        agent: AGENT,
        domain: 'planning',
        deadline: new Date(Date.now() + 600_000).toISOString(),
        startToCloseMs: 600_000,
        input: { text, requester: 'ada' },
        session: { key: `olympus:task:${runId}` },
      },
    );
    const subject = subjectsOf(FLEET).task('planning', AGENT, runId);
    await jetstream(control.connection).publish(subject, JSON.stringify(dispatch));
  }

  async function leasesLast(ttlMs: number): Promise<void> {
    const manager = await managerOf(control);
    const lasting = buckets.filter((bucket) => bucket.ttlMs > 0);
    for (const each of lasting) await ensureBucket(manager, { ...each, ttlMs, duplicateWindowMs: ttlMs });
  }

  /** How many runs are on the bus that were not acknowledged. */
  async function workLeft(): Promise<number> {
    return (await (await managerOf(control)).streams.info(streamNames.tasks)).state.messages;
  }

  /** The sequence of the last write of a lease. */
  async function lastWrite(): Promise<number> {
    const { state } = await (await managerOf(control)).streams.info(bucketStream(bucketNames.leases));
    return state.last_seq;
  }

  async function linesOf(what: string): Promise<string[]> {
    return (await readFile(effects, 'utf8')).split('\n').filter((line) => line.split(' ')[1] === what);
  }

  function done(line: string): Promise<unknown> {
    const seen = async () => (await readFile(effects, 'utf8')).split('\n').includes(line);
    return waitFor(`"${line}"`, seen, PATIENT);
  }

  const settledFor = (quietMs: number): Promise<void> =>
    untilUnchanged(() => readFile(effects, 'utf8'), { ...PATIENT, quietMs });

  async function results(): Promise<RunResult['data'][]> {
    const manager = await managerOf(control);
    const { state } = await manager.streams.info(streamNames.results, { subjects_filter: '>' });
    const found: RunResult['data'][] = [];
    for (const subject of Object.keys(state.subjects ?? {})) {
      const message = await manager.streams.getMessage(streamNames.results, { last_by_subj: subject });
      if (message) found.push(RunResult.schema.parse(message.json()).data);
    }
    return found;
  }
});
