import assert from 'node:assert/strict';
import { jetstream } from '@nats-io/jetstream';
import { agentGrants, type Grant, knightGrants } from '#core/permissions.ts';
import { streamNames } from '#core/streams.ts';
import { withDeadline } from '#lib/deadline.ts';
import { attack, hostileRepliesTo, letTakeMuch, newWork, stateBeyond } from '#test/bus-matrix/attacks.ts';
import { type Cell, cellsOf, knightCellsOf } from '#test/bus-matrix/cells.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { AGENTS, FLEET, FleetBus, managerOf, STORED_IN, storedOf } from '#test/bus-matrix/fleet-bus.ts';
import { type WiderTable, widerTables } from '#test/bus-matrix/wider.ts';
import { waitFor } from '#test/wait.ts';

const NEVER = new AbortController().signal;

describe('what the bus allows', () => {
  let bus: FleetBus;
  before(async () => {
    bus = await FleetBus.start();
  });
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
  });

  for (const agent of AGENTS) {
    const other = agent === 'athena' ? 'apollo' : 'athena';
    it(`lets ${agent} do what is its own, and nothing else`, async () => {
      const cells = cellsOf(FLEET, agent, other);
      assert.ok(cells.length >= 500, `only ${cells.length} cells`);
      assert.equal(new Set(cells.map(nameOf)).size, cells.length, 'a cell stands there twice');

      await using client = await bus.connect(agent);

      assert.deepEqual(wrong(cells, await client.refusedOf(cells)), []);
    });
  }

  it('lets who asks by the older subjects do that, and nothing else', async () => {
    const cells = knightCellsOf(FLEET, 'athena');
    assert.ok(cells.length >= 500, `only ${cells.length} cells`);
    assert.equal(new Set(cells.map(nameOf)).size, cells.length, 'a cell stands there twice');
    await using knight = await bus.connect('knight');

    assert.deepEqual(wrong(cells, await knight.refusedOf(cells)), []);
  });

  it('changes nothing beyond the older subjects, whatever reply and headers who asks there names', async () => {
    await using knight = await bus.connect('knight');
    await using control = await bus.connect('control');
    await using apollo = await bus.connect('apollo');
    const heard = await listen(apollo, [`_INBOX_apollo.>`, `${FLEET}.control.apollo.>`]);
    const before = await stateBeyond(control, 'knight');
    for (const headers of [{}, { 'Nats-Rollup': 'all' }]) {
      for (const reply of hostileRepliesTo('apollo')) {
        await knight.publishRaw('knight.athena.task', '{"seq":1}', { headers, reply });
      }
      // Answered after the attacks were: what the server does about those, it has begun.
      await knight.request('knight.athena.task', 'to be answered');
    }
    assert.equal(await stateBeyond(control, 'knight'), before);
    assert.deepEqual(heard, []);
  });

  it('brings who asks by the older subjects what control says there', async () => {
    await using knight = await bus.connect('knight');
    await using control = await bus.connect('control');
    const results = await listen(knight, ['knight.*.result']);
    await jetstream(control.connection).publish('knight.athena.result', '{}');

    await waitFor('the result to be heard', () => results.length > 0);
    assert.deepEqual(results, ['knight.athena.result']);
  });

  it('answers an agent on each of its subjects, and gives it its work', async () => {
    await using athena = await bus.connect('athena');
    await using control = await bus.connect('control');
    for (const subject of storedOf('athena').filter((stored) =>
      /^(f1\.(requests|runs|results|heartbeat)|\$KV\.leases)/.test(stored),
    )) {
      const answer = (await athena.request(subject, '{}')).json<{ stream?: string }>();
      assert.match(answer.stream ?? JSON.stringify(answer), /^(ROUNDTABLE_|KV_leases)/);
    }
    await newWork(control, 'run2');
    const work = await athena.pull(streamNames.tasks, 'athena');
    assert.match(work.subject, /^f1\.tasks\.security\.athena\.run/);
    await athena.request(work.reply ?? '', '+ACK');
    const manager = await managerOf(control);
    const { state } = await manager.streams.info(streamNames.tasks, { subjects_filter: work.subject });
    assert.deepEqual(state.subjects ?? {}, {});
  });

  it('changes nothing beyond the agent, whatever reply and headers it names', async function () {
    this.timeout(180_000);
    await using athena = await bus.connect('athena');
    await using apollo = await bus.connect('apollo');
    await using control = await bus.connect('control');
    const acks: string[] = [];
    for (const stream of [streamNames.tasks, streamNames.deliveries]) {
      acks.push((await apollo.pull(stream, 'apollo')).reply ?? '');
    }
    const heard = await listen(apollo, [`_INBOX_apollo.>`, `${FLEET}.control.apollo.>`]);
    await letTakeMuch(control);
    const before = await stateBeyond(control, 'athena');
    // Twelve streams, nine consumers, and what apollo has in each stream.
    assert.ok(before.split('\n').length >= 33, before);

    const tried = await attack(athena, control, hostileRepliesTo('apollo', acks), async (lever) => {
      assert.equal(await stateBeyond(control, 'athena'), before, JSON.stringify(lever));
    });

    assert.ok(tried >= 3400, `only ${tried} were tried`);
    assert.equal(await stateBeyond(control, 'athena'), before);
    assert.deepEqual(heard, []);
  });

  it('would let the same attacks through if the agent were in the account of control', async function () {
    this.timeout(120_000);
    await bus.ruleShared('athena');
    await using athena = await bus.connect('athena');
    await using control = await bus.connect('control');
    const before = await stateBeyond(control, 'athena');
    const harmed: string[] = [];

    await attack(athena, control, hostileRepliesTo('apollo'), async (lever) => {
      if ((await stateBeyond(control, 'athena').catch(String)) !== before) harmed.push(lever.subject);
    }).catch(() => undefined); // An attack may take away what the next one needs.

    assert.notDeepEqual(harmed, []);
    await bus.rule(agentGrants);
  });

  it('lets a refused cell through when any one grant of an agent is wider, at any of its tokens', async function () {
    this.timeout(120_000);
    const extras = EXTRA.map((extra) => ({ label: extra.operation, table: [...agentGrants, extra] }));
    const tables = [...widerTables(agentGrants), ...extras];
    assert.ok(tables.length >= 90, `only ${tables.length} tables`);
    const cells = cellsOf(FLEET, 'athena', 'apollo');

    const unseen = await unseenOf(bus, tables, (table) => bus.regrant(table), 'athena', cells);

    assert.deepEqual(unseen, []);
  });

  it('lets a refused cell through when any one grant of the older subjects is wider', async function () {
    this.timeout(120_000);
    const tables = widerTables(knightGrants);
    assert.ok(tables.length >= 10, `only ${tables.length} tables`);
    const cells = knightCellsOf(FLEET, 'athena');

    const unseen = await unseenOf(bus, tables, (table) => bus.regrant(agentGrants, table), 'knight', cells);

    assert.deepEqual(unseen, []);
  });

  it('cuts off an agent whose account is gone, and nobody else', async () => {
    await using athena = await bus.connect('athena');
    await using apollo = await bus.connect('apollo');
    await bus.reload(['apollo']);
    await withDeadline('athena to be cut off', 15_000, NEVER, () => athena.connection.closed());
    await assert.rejects(bus.connect('athena'), /authorization/i);
    await apollo.request(`${FLEET}.heartbeat.apollo`, '{}');
    await bus.rule(agentGrants);
  });

  it('does not take an agent that a reload has added for ready before it has answered it', async () => {
    await bus.rule(agentGrants, ['apollo']);
    await bus.reload(AGENTS);
    await using athena = await bus.connect('athena');
    // Why the daemon counts as ready only when a heartbeat of its own was stored.
    await assert.rejects(athena.request(`${FLEET}.heartbeat.athena`, '{}'), /no responders/);
    await bus.reload(AGENTS);
    await athena.request(`${FLEET}.heartbeat.athena`, '{}');
  });
});

/** Grants that nobody may have. */
const EXTRA: readonly Grant[] = [
  { operation: 'anything in JetStream', does: 'call', subject: '$JS.API.>' },
  { operation: 'read by sequence', does: 'call', subject: `$JS.API.STREAM.MSG.GET.${STORED_IN[0]}` },
  { operation: 'read the log of runs', does: 'listen', subject: '<fleet>.runs.>' },
  { operation: 'hear everybody', does: 'listen', subject: '>' },
];

/** The tables with which `who` is refused all that it is refused without them. One that the server does not take is seen. */
async function unseenOf(
  bus: FleetBus,
  tables: readonly WiderTable[],
  regrant: (table: readonly Grant[]) => Promise<void>,
  who: 'athena' | 'knight',
  cells: readonly Cell[],
): Promise<string[]> {
  const unseen: string[] = [];
  for (const { label, table } of tables) {
    const refusal = await regrant(table).then(() => undefined, String);
    if (refusal?.includes('refused the configuration')) continue;
    assert.equal(refusal, undefined);
    await using client = await bus.connect(who);
    const refused = await client.refusedOf(cells);
    if (!cells.some((cell) => !cell.allowed && !refused.has(cell))) unseen.push(label);
  }
  // What was let through may have taken streams away.
  await bus.rule(agentGrants);
  return unseen;
}

async function listen(client: BusClient, subjects: readonly string[]): Promise<string[]> {
  const heard: string[] = [];
  for (const subject of subjects) {
    client.connection.subscribe(subject, { callback: (_error, message) => void heard.push(message.subject) });
  }
  await client.connection.flush();
  return heard;
}

/** The cells whose outcome is not what is written there. */
function wrong(cells: readonly Cell[], refused: ReadonlySet<Cell>): string[] {
  return cells
    .filter((cell) => refused.has(cell) === cell.allowed)
    .map((cell) => `${nameOf(cell)} was ${cell.allowed ? 'refused' : 'allowed'}`);
}

function nameOf({ does, subject }: Cell): string {
  return `${does} ${subject}`;
}
