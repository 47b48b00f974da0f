import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ApiError, AuditView, TaskDetail, TaskView } from '#core/api.ts';
import { apiRoutes } from '#core/api-routes.ts';
import { isTerminal } from '#core/task-states.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';
import { eventsOf, type StreamedEvent } from '../../src/cli/event-stream.ts';

const FLEET = 'f1';
/** What there is none of here to be shown; the tests that make one look at it. */
const NONE_HERE = ['/v1/dlq/', '/v1/approvals/'];

describe('the API of the control plane', () => {
  let control: ControlOnBus;
  let athena: BusClient;
  /** The head of the chain as somebody noted it. */
  let noted = '';
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena']);
    athena = await control.connect('athena');
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(heartbeatOf('athena')));
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
    const id = await create('not over');
    await waitFor('it to be released', async () => {
      const { body } = await control.api<TaskDetail>('GET', `/v1/tasks/${id}`);
      return body.state === 'released';
    });
    await cli('task', 'cancel', await create('over'), '--why', 'it rains');
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const cli = (...args: string[]) =>
    new CliCaller(control.stateDir).run(args, {
      OLYMPUS_API_URL: control.url,
      OLYMPUS_API_TOKEN: control.token,
      USER: 'ada',
    });
  async function create(text: string): Promise<string> {
    const { code, stdout, stderr } = await cli('task', 'create', 'athena', text);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  it('streams what happens from now on, and from where a client was', async () => {
    const from =
      (await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=1')).body.records[0]?.seq ?? 0;
    const headers = { authorization: `Bearer ${control.token}` };
    const ended = new AbortController();
    const live = await fetch(`${control.url}/v1/events`, { headers, signal: ended.signal });
    await create('seen by two');
    assert.ok(live.body);
    const heard = eventsOf(live.body);
    const first = (await heard.next()).value as StreamedEvent;
    assert.equal(Number(first.id), from + 1);

    const resumed = await fetch(`${control.url}/v1/events`, {
      headers: { ...headers, 'last-event-id': first.id },
      signal: ended.signal,
    });
    assert.ok(resumed.body);
    const next = (await eventsOf(resumed.body).next()).value as StreamedEvent;
    assert.equal(Number(next.id), from + 2);

    const startedAt = performance.now();
    assert.equal(await control.stop(), 0, 'a stream that is open does not keep it from stopping');
    assert.ok(performance.now() - startedAt < 10_000);
    ended.abort();
    await control.start();
  });

  it('has every change on record, with who made it and why', async () => {
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500');
    const cancelled = body.records.find(({ why: given }) => given === 'cancelled by ada: it rains');
    assert.equal(cancelled?.who, 'person/ada');
    await control.api('POST', '/v1/tasks', { agent: 'athena', text: 'half a character', by: 'ada\ud800' });
    body.records = (await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=500')).body.records;
    const whole = await cli('audit', 'verify');
    assert.equal(whole.code, 0, whole.stderr);
    assert.match(whole.stdout, new RegExp(`Whole: ${body.records.length} records`));
    noted = body.records[0]?.hash ?? '';
    assert.equal((await cli('audit', 'verify', '--head', noted)).code, 0);
  });

  it('changes nothing that it cannot put on record', async () => {
    const file = path.join(control.stateDir, 'control.sqlite');
    const before = (await control.api('GET', '/v1/agents/athena')).body;
    edit(file, "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END");
    const refused = await cli('agent', 'drain', 'athena', '--why', 'new kernel');
    edit(file, 'DROP TRIGGER broken');

    assert.equal(refused.code, 1, refused.stderr);
    assert.deepEqual((await control.api('GET', '/v1/agents/athena')).body, before);
  });

  it('finds out who cut its end off, by a head that was noted', async () => {
    const file = path.join(control.stateDir, 'control.sqlite');
    edit(file, `DELETE FROM audit WHERE seq >= (SELECT seq FROM audit WHERE hash = '${noted}')`);

    assert.equal((await cli('audit', 'verify')).code, 0, 'what is left is whole');
    const cut = await cli('audit', 'verify', '--head', noted);
    assert.equal(cut.code, 1);
    assert.match(cut.stdout, /Broken: the \d+ records .* none has the hash .*: the end was cut off/);
  });

  it('finds out who edited the record, or took something out of it', async () => {
    await control.kill();
    const file = path.join(control.stateDir, 'control.sqlite');
    edit(file, "UPDATE audit SET why = 'nobody asked' WHERE seq = 5");
    await control.start();
    const edited = await cli('audit', 'verify');
    assert.equal(edited.code, 1);
    assert.match(edited.stdout, /Broken: record 5 is not as it was written/);

    await control.kill();
    edit(file, 'DELETE FROM audit WHERE seq = 3');
    await control.start();
    assert.match((await cli('audit', 'verify')).stdout, /record 3 is missing/);
  });

  it('shows an agent with its open tasks', async () => {
    const { code, stdout, stderr } = await cli('agent', 'show', '@athena');

    assert.equal(code, 0, stderr);
    assert.match(stdout, /phase +Ready/);
    assert.match(stdout, /released +not over/);
    const unknown = await cli('agent', 'show', 'zeus');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /No agent zeus has ever sent a heartbeat/);
  });

  it('lists what is open, however much has ended since', async () => {
    const list = async (query: string): Promise<TaskView[]> =>
      (await control.api<{ tasks: TaskView[] }>('GET', `/v1/tasks?${query}`)).body.tasks;
    await cli('task', 'cancel', await create('ended since'));

    const open = await list('agent=athena&open=true&limit=500');
    const ended = await list('agent=athena&open=false&limit=500');
    assert.ok(open.some(({ text }) => text === 'not over'));
    assert.ok(open.every(({ state }) => !isTerminal(state)));
    assert.ok(ended.every(({ state }) => isTerminal(state)));
    assert.equal(open.length + ended.length, (await list('limit=500')).length);
    assert.equal((await control.api('GET', '/v1/tasks?open=perhaps')).status, 400);
  });

  it('leads from list to list, to the oldest there is', async () => {
    const all = (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=500')).body.tasks;
    const first = all.slice(0, 1).map(({ id }) => id);
    const rest = await control.api<{ tasks: TaskView[] }>('GET', `/v1/tasks?before=${first[0]}&limit=500`);
    assert.deepEqual(
      [...first, ...rest.body.tasks.map(({ id }) => id)],
      all.map(({ id }) => id),
    );
    assert.equal((await control.api('GET', '/v1/tasks?before=nobody')).status, 404);
    const shown = await cli('task', 'list', '--before', all.at(-2)?.id ?? '', '--json');
    assert.deepEqual(
      (JSON.parse(shown.stdout) as TaskView[]).map(({ id }) => id),
      [all.at(-1)?.id],
    );

    const audit = await cli('audit', 'list', '--before', '2', '--json');
    assert.deepEqual(
      (JSON.parse(audit.stdout) as AuditView[]).map(({ seq }) => seq),
      [1],
    );
    assert.match((await cli('audit', 'list', '--before', '1')).stderr, /Nothing was changed before 1/);
  });

  it('says so when who goes on has seen more than there is, as after a restore', async () => {
    const beyond = await control.api<ApiError>('GET', '/v1/events?after=1000000');
    assert.deepEqual([beyond.status, beyond.body.code], [409, 'beyond_newest']);
    assert.match(beyond.body.message, /no change 1000000: the newest is \d+.*restored/);

    const id = await create('known to the backup');
    const { child, ended } = new CliCaller(control.stateDir).start(['task', 'follow', id], {
      OLYMPUS_API_URL: control.url,
      OLYMPUS_API_TOKEN: control.token,
    });
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
    });
    await waitFor('the first changes', () => /→ queued/.test(seen), { timeoutMs: 20_000 });
    await control.kill();
    const first = `SELECT min(seq) FROM audit WHERE entity_id = '${id}'`;
    edit(path.join(control.stateDir, 'control.sqlite'), `DELETE FROM audit WHERE seq > (${first})`);
    await control.start();
    await waitFor('it to begin again', () => seen.match(/→ admitted/g)?.length === 2, { timeoutMs: 20_000 });
    await cli('task', 'cancel', id);

    const { code, stderr } = await ended;
    assert.equal(code, 1);
    assert.match(stderr, /an older store than before/);
  });

  it('refuses who asks too often, and nobody else', async () => {
    await control.kill();
    await control.start({ OLYMPUS_REQUESTS_PER_MINUTE: '3' });
    const ask = async (by: string): Promise<TaskView> =>
      (await control.api<TaskView>('POST', '/v1/tasks', { agent: 'athena', text: 'more', by })).body;
    const states = [];
    for (let times = 1; times <= 5; times += 1) states.push((await ask('eve')).state);

    assert.deepEqual(states, ['queued', 'queued', 'queued', 'rejected', 'rejected']);
    assert.equal((await ask('eve')).reason, 'rate_limited');
    assert.equal((await ask('bob')).state, 'queued');
  });

  it('answers at every path that its description has, as it is described', async () => {
    const { body } = await control.api<{
      paths: Record<string, Record<string, { parameters: { name: string }[] }>>;
    }>('GET', '/v1/openapi.json');
    const [task] = (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks')).body.tasks;
    const described = Object.entries(body.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
    );
    assert.deepEqual(
      described.toSorted(),
      apiRoutes.map(({ method, path: route }) => `${method.toUpperCase()} ${route}`).toSorted(),
    );

    assert.partialDeepStrictEqual(
      body.paths['/v1/tasks']?.['get']?.parameters.find(({ name }) => name === 'limit'),
      { in: 'query', schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 } },
    );

    for (const { method, path: route, answer, status: expected } of apiRoutes) {
      if (method !== 'get') continue;
      if (answer === 'a redirect') {
        const moved = await fetch(`${control.url}${route}`, {
          headers: { authorization: `Bearer ${control.token}` },
          redirect: 'manual',
        });
        assert.equal(moved.status, expected, route);
      }
      if (typeof answer === 'string') continue;
      if (NONE_HERE.some((path) => route.startsWith(path))) continue;
      const asked = route.replace('{id}', task?.id ?? '').replace('{name}', 'athena');
      const { status, body: said } = await control.api<unknown>('GET', asked);
      assert.equal(status, 200, asked);
      answer.parse(said);
    }
  });

  it('refuses what it cannot read with a sentence', async () => {
    const { status, body } = await control.api<{ code: string; message: string }>('POST', '/v1/tasks', {
      agent: 'athena',
    });

    assert.equal(status, 400);
    assert.match(body.message, /text/);
    assert.match(
      (await cli('task', 'why', '00000000-0000-7000-8000-000000000000')).stderr,
      /There is no task/,
    );
  });
});

function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}
