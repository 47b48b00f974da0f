import assert from 'node:assert/strict';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { DeadLetterSummary, DeadLetterView } from '#core/api.ts';
import { DeadLetter } from '#core/messages/dead-letter.ts';
import { streamNames } from '#core/streams.ts';
import { newId } from '#lib/id.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { exhaust } from '#test/exhaust.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const DLQ = streamNames.deadLetters;

describe('dead letters', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  let mallory: PlayedAgent;
  let bus: BusClient;
  let manager: JetStreamManager;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'mallory'], { OLYMPUS_SWEEP_MS: '500' });
    athena = await PlayedAgent.join(control, FLEET, 'athena');
    mallory = await PlayedAgent.join(control, FLEET, 'mallory');
    bus = await control.connect('control');
    manager = await managerOf(bus);
  });
  beforeEach(() => manager.streams.purge(DLQ));
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
    await mallory?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  it('cost as many requests as there are, however much was removed between them', async function () {
    this.timeout(120_000);
    await write('athena', 1);
    await write('mallory', 3000);
    const asked = await counted(async () => {
      const found = await list('?limit=500');
      assert.equal(found.length, 51);
      assert.equal(authorOf(found.at(-1)), 'athena');
    });

    assert.ok(asked < 51 + 40, `${asked} requests`);
  });

  it('of one agent are found behind those of another, by author, stream and page', async () => {
    await write('athena', 3);
    await write('mallory', 50);

    assert.ok((await list('')).every((each) => authorOf(each) === 'mallory'));
    const hers = await list('?author=athena');
    assert.equal(hers.length, 3);
    assert.ok(hers.every((each) => authorOf(each) === 'athena'));
    assert.equal((await list('?author=athena&stream=tasks')).length, 0);
    assert.equal((await list('?author=athena&stream=requests')).length, 3);
    const first = await list('?limit=52');
    const second = await list(`?limit=52&before=${first.at(-1)?.id}`);
    assert.equal(second.length, 1);
    assert.deepEqual(second[0], hers.at(-1));
    assert.equal((await control.api('GET', '/v1/dlq?stream=letters')).status, 400);
  });

  it('are listed by the command in the same way, which says where to go on', async () => {
    await write('athena', 3);
    await write('mallory', 2);
    const listed = await cli('dlq', 'list', '--author', 'athena', '--stream', 'requests', '--limit', '2');
    assert.equal(listed.code, 0, listed.stderr);
    const lines = listed.stdout.trim().split('\n').slice(1);
    assert.equal(lines.length, 2);
    const [last] = lines.at(-1)?.split(' ') ?? [];
    assert.match(listed.stderr, new RegExp(`--before ${last}`));

    const rest = await cli('dlq', 'list', '--author', 'athena', '--before', last ?? '');

    assert.equal(rest.stdout.trim().split('\n').length, 2);
    const none = await cli('dlq', 'list', '--author', 'apollo');
    assert.match(none.stderr, /No such message/);
  });

  it('give back the very bytes that were sent', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x41]);
    const subject = `${FLEET}.requests.athena.task-create`;
    await athena.bus.request(subject, bytes);
    const letter = await waitFor('the letter', async () => (await list(''))[0]);

    const redriven = await control.api('POST', `/v1/dlq/${letter.id}/redrive`, { by: 'ada' });

    assert.equal(redriven.status, 200);
    const again = await waitFor('it to come back', async () =>
      (await list('')).find(({ id }) => id > letter.id),
    );
    const { body } = await control.api<DeadLetterView>('GET', `/v1/dlq/${again.id}`);
    assert.deepEqual(Buffer.from(body.body, 'base64'), bytes);
  });

  it('stand once for a message that comes again after the server has forgotten the id, and for each of a stream made anew', async () => {
    const subject = `${FLEET}.tasks.planning.athena.unreadable`;
    const { config } = await manager.streams.info(DLQ);
    // Shorter than it takes to come again: the server drops no copy.
    await manager.streams.update(DLQ, { ...config, duplicate_window: 100_000_000 });
    await control.kill();
    const { seq } = (await bus.request(subject, 'hello')).json<{ seq: number }>();
    const { time } = (await manager.streams.getMessage(streamNames.tasks, { seq })) ?? {};
    const id = (place: number, storedAt: number) => `dlq:${streamNames.tasks}:${place}:${storedAt}`;
    const letterSubject = `${FLEET}.dlq.roundtable_tasks.athena`;
    const send = (msgId: string) =>
      bus.publishRaw(letterSubject, letterOf('athena'), { headers: { 'Nats-Msg-Id': msgId } });
    await send(id(seq, time?.getTime() ?? 0));
    await send('of another');
    await control.start();
    await exhaust(athena.bus, 'athena', subject);
    await waitFor('it to be taken away', async () => {
      return !(await manager.streams.getMessage(streamNames.tasks, { seq }));
    });
    assert.equal((await manager.streams.info(DLQ)).state.messages, 2);

    // The same place, at another time.
    await control.kill();
    await manager.streams.purge(DLQ);
    const next = (await bus.request(`${subject}2`, 'hello')).json<{ seq: number }>();
    await send(id(next.seq, 1));
    await control.start();
    await exhaust(athena.bus, 'athena', `${subject}2`);
    await waitFor('it to be taken away', async () => {
      return !(await manager.streams.getMessage(streamNames.tasks, { seq: next.seq }));
    });
    assert.equal((await manager.streams.info(DLQ)).state.messages, 2);
  }).timeout(120_000);

  async function write(author: string, count: number): Promise<void> {
    const subject = `${FLEET}.dlq.roundtable_requests.${author}`;
    for (let left = count; left > 0; left -= 500) {
      const batch = Array.from({ length: Math.min(left, 500) }, () => letterOf(author));
      await Promise.all(batch.map((letter) => bus.request(subject, letter)));
    }
  }

  /** How many messages of the letters' stream control has asked for during `work`. */
  async function counted(work: () => Promise<void>): Promise<number> {
    let asked = 0;
    const seen = bus.connection.subscribe(`$JS.API.STREAM.MSG.GET.${DLQ}`, {
      callback: () => {
        asked += 1;
      },
    });
    await bus.connection.flush();
    await work();
    await bus.connection.flush();
    seen.unsubscribe();
    assert.ok(asked > 0, 'nothing was counted');
    return asked;
  }

  async function list(query: string): Promise<DeadLetterSummary[]> {
    return (await control.api<{ letters: DeadLetterSummary[] }>('GET', `/v1/dlq${query}`)).body.letters;
  }

  function cli(...args: string[]) {
    const env = { OLYMPUS_API_URL: control.url, OLYMPUS_API_TOKEN: control.token };
    return new CliCaller(control.stateDir).run(args, env);
  }
});

function letterOf(author: string): string {
  const id = newId(Date.now());
  const head = { id, source: '/test', subject: 'stream/x/1', time: new Date().toISOString() };
  const stream = streamNames.requests;
  const subject = `${FLEET}.requests.${author}.task-create`;
  const about = { stream, seq: 1, subject, deliveries: 1, body: '', bodyBytes: 0 };
  return JSON.stringify(DeadLetter.create(head, { reason: 'message_invalid', ...about }));
}

function authorOf(letter: DeadLetterSummary | undefined): string | undefined {
  return letter?.subject.split('.')[2];
}
