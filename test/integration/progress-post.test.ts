import assert from 'node:assert/strict';
import { ProgressBench } from '#test/progress-bench.ts';

describe('the post that shows how a run gets on', () => {
  let bench: ProgressBench;

  before(async () => {
    bench = await ProgressBench.open();
  });
  after(async () => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.begin());
  afterEach(() => bench.end());

  it('comes after some seconds, once a tool was called, and becomes one line when the run is over', async () => {
    const { runId, thread } = await bench.startRun();
    await bench.pass(6);
    assert.deepEqual(await bench.human.replies(thread), [], 'there is nothing to show');

    bench.call(runId, 'exec');
    await bench.pass(1);
    const { id, message } = await bench.shownIn(thread);
    assert.equal(message, 'Working for 7 s, running a command.\n1 tool call so far: 1 command.');

    bench.call(runId, 'read');
    await bench.pass(1);
    assert.match((await bench.shownIn(thread)).message, /^Working for 8 s, reading a file\.\n2 tool calls/);
    bench.progress.heard(runId, { kind: 'step' });
    await bench.pass(1);
    assert.match((await bench.shownIn(thread)).message, /^Working for 9 s, thinking\./);
    await bench.journal.transaction(() => bench.journal.asks.open({ key: 'k', runId, hash: 'h' }));
    await bench.pass(1);
    assert.match((await bench.shownIn(thread)).message, /^Working for 10 s, waiting for an answer\./);
    await bench.advance(runId, 'finish');
    await bench.pass(1);
    const closed = await bench.shownIn(thread);
    assert.deepEqual(
      [closed.id, closed.message],
      [id, 'Worked 10 s: 2 tool calls (1 command, 1 file read).'],
    );
    const { last } = await bench.writes();
    await bench.pass(120);
    assert.deepEqual((await bench.writes(last)).paths, [], 'it is left alone from then on');
  });

  it('is of no run that is over before that, or that is of no conversation', async () => {
    const short = await bench.startRun();
    bench.call(short.runId, 'exec');
    await bench.pass(3);
    await bench.advance(short.runId, 'finish');
    bench.call(await bench.startRunOf(), 'exec');
    const { last } = await bench.writes();

    await bench.pass(10);

    assert.deepEqual((await bench.writes(last)).paths, []);
  });

  it('is changed once a second at most, ever more rarely, and once a minute where only time passes', async () => {
    const { runId } = await bench.startRun();
    const perMinute: number[] = [];
    for (let minute = 0; minute < 5; minute++) {
      const { last } = await bench.writes();
      for (let second = 0; second < 60; second++) {
        for (let each = 0; each < 3; each++) bench.call(runId, 'exec');
        await bench.pass(1);
      }
      perMinute.push((await bench.writes(last)).paths.length);
    }
    const [first = 0, second = 0] = perMinute;
    assert.ok(first > 25 && first <= 60, `${perMinute}`);
    assert.ok(second < first && (perMinute.at(-1) ?? 99) <= 6, `${perMinute}`);

    await bench.pass(31);
    const { last } = await bench.writes();
    await bench.pass(180);
    assert.equal((await bench.writes(last)).paths.length, 3);
  }).timeout(60_000);

  it('is found again after a restart, also where its making was not heard of', async () => {
    const { runId, thread } = await bench.startRun();
    await bench.pass(5);
    bench.call(runId, 'exec');
    await bench.faults.post('faults', { kind: 'answer-lost', method: 'POST', pathPattern: '/posts$' });
    await bench.pass(1);
    const { id } = await bench.shownIn(thread);
    await bench.restart();

    bench.call(runId, 'read');
    await bench.pass(1);
    assert.match((await bench.shownIn(thread)).message, /^Working for 7 s, reading a file/);
    await bench.restart();
    await bench.advance(runId, 'finish');
    await bench.pass(1);

    const closed = await bench.shownIn(thread);
    assert.deepEqual([closed.id, closed.message], [id, 'Worked 7 s: 1 tool call (1 file read).']);
  });

  it('is made once, and by nobody else, where another daemon of the agent has made it', async () => {
    const { runId, thread } = await bench.startRun();
    const marks = { marker: `progress:${runId}`, depth: 0 };
    const channelId = await bench.human.channelId('town-square');
    await bench.human.say('mine', { rootId: thread, props: { olympus: marks } });
    await bench.rest.post(
      { channelId, rootId: thread, message: 'begun elsewhere', marks },
      AbortSignal.timeout(10_000),
    );
    bench.call(runId, 'exec');

    await bench.pass(6);

    const messages = (await bench.human.replies(thread)).map(({ message }) => message.split(',')[0]);
    assert.deepEqual(messages, ['mine', 'Working for 5 s']);
    bench.lease.held = false;
    const { last } = await bench.writes();
    bench.call(runId, 'exec');
    await bench.pass(10);
    assert.deepEqual((await bench.writes(last)).paths, [], 'the one that holds the lease writes it');
  });

  for (const [what, order] of [
    ['refuses for now', { kind: 'fail-next', status: 429 }],
    ['fails behind its proxy', { kind: 'fail-next', status: 502 }],
  ] as const) {
    it(`is asked of a server that ${what} ever more rarely, and says then what is true then`, async () => {
      const { runId, thread } = await bench.startRun();
      await bench.faults.post('faults', { ...order, count: 1_000, pathPattern: '/api/v4/' });
      const { last } = await bench.writes();
      type Seen = { requests: { user?: string; status?: number }[] };
      for (let second = 0; second < 120; second++) {
        bench.call(runId, 'exec');
        await bench.pass(1);
      }
      const { requests } = await bench.faults.get<Seen>(`requests?since=${last}`);
      assert.ok(requests.length >= 2 && requests.length < 15, `${requests.length} requests`);
      assert.equal(bench.journal.outbox.pending('chat'), 0, 'nothing is kept for later');
      await bench.faults.delete('faults');

      await bench.advance(runId, 'park');
      await bench.startRun();
      await bench.pass(90);

      assert.deepEqual(await bench.human.replies(thread), [], 'of what is over nothing is made afterwards');
    }).timeout(30_000);
  }

  it('keeps no other waiting where it cannot be changed for now', async () => {
    const [one, other] = [await bench.startRun(), await bench.startRun()];
    for (const { runId } of [one, other]) bench.call(runId, 'exec');
    await bench.pass(7);
    const { id } = await bench.shownIn(one.thread);
    const fault = { kind: 'fail-next', status: 502, method: 'PUT', pathPattern: `/posts/${id}/patch` };
    await bench.faults.post('faults', { ...fault, count: 100 });
    for (const { runId } of [one, other]) bench.call(runId, 'read');

    await bench.pass(30);

    assert.match((await bench.shownIn(one.thread)).message, /running a command/);
    assert.match((await bench.shownIn(other.thread)).message, /reading a file/);
  });

  it('waits for all that people wait for', async () => {
    const { runId, thread } = await bench.startRun();
    bench.call(runId, 'exec');
    bench.journal.outbox.addChat('answer', { kind: 'unreact', postId: thread, emoji: 'eyes' });
    await bench.pass(10);
    assert.deepEqual(await bench.human.replies(thread), []);

    const [answer] = await bench.journal.outbox.source('chat').next(1, []);
    await bench.journal.outbox.source('chat').done([answer?.id ?? 0]);
    await bench.pass(1);
    assert.match((await bench.shownIn(thread)).message, /^Working for 11 s/);
  });

  it('is not made again when somebody has deleted it', async () => {
    const { runId, thread } = await bench.startRun();
    bench.call(runId, 'exec');
    await bench.pass(5);
    await bench.athena.call('DELETE', `/posts/${(await bench.shownIn(thread)).id}`);
    bench.call(runId, 'read');
    await bench.pass(40);
    await bench.restart();
    bench.call(runId, 'read');
    await bench.pass(40);
    await bench.advance(runId, 'finish');
    await bench.pass(2);

    assert.deepEqual(await bench.human.replies(thread), []);
  });

  it('is left as it is where the server lets posts be changed no more', async () => {
    const { runId, thread } = await bench.startRun();
    bench.call(runId, 'exec');
    await bench.pass(5);
    const { message } = await bench.shownIn(thread);
    await bench.faults.post('faults', { kind: 'fail-next', status: 501, method: 'PUT' });
    const { last } = await bench.writes();
    bench.call(runId, 'read');
    await bench.pass(60);
    await bench.advance(runId, 'finish');
    await bench.pass(5);

    assert.equal((await bench.shownIn(thread)).message, message);
    assert.equal((await bench.writes(last)).paths.length, 1);
  });

  for (const [event, text] of [
    ['park', /^Worked 5 s: 1 tool call/],
    ['finish', /^Worked 5 s: 1 tool call/],
    ['abandon', /^No longer at work here: 1 tool call/],
    ['discard', /^No longer at work here: 1 tool call/],
  ] as const) {
    it(`is closed after a restart when its run has come to ${event}`, async () => {
      const { runId, thread } = await bench.startRun();
      bench.call(runId, 'exec');
      await bench.pass(5);
      await bench.advance(runId, event);
      bench.lease.held = false;
      await bench.restart();

      await bench.pass(1);

      assert.match((await bench.shownIn(thread)).message, text);
    });
  }

  it('is not made where the manifest says so, and closed where it is there', async () => {
    const { runId, thread } = await bench.startRun();
    bench.call(runId, 'exec');
    await bench.pass(5);
    const other = await bench.startRun();
    await bench.restart(Number.POSITIVE_INFINITY);
    bench.call(other.runId, 'exec');
    await bench.pass(30);
    await bench.advance(runId, 'finish');
    await bench.pass(1);

    assert.match((await bench.shownIn(thread)).message, /^Worked 35 s/);
    assert.deepEqual(await bench.human.replies(other.thread), []);
  });
});
