import assert from 'node:assert/strict';
import type { ApiError, HealthView, Scheduled, TaskDetail, TaskView } from '#core/api.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf } from '#test/messages.ts';
import { waitFor } from '#test/wait.ts';
import { eventsOf } from '../../src/cli/event-stream.ts';

const FLEET = 'f1';

describe('POST /schedule', () => {
  let control: ControlOnBus;
  let apollo: BusClient;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['apollo'], { OLYMPUS_REQUESTS_PER_MINUTE: '20' });
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  async function schedule<T = Scheduled>(
    body: unknown,
    key?: string,
  ): Promise<{ status: number; location: string | null; body: T }> {
    const response = await fetch(`${control.url}/schedule`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${control.token}`,
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return {
      status: response.status,
      location: response.headers.get('location'),
      body: (await response.json()) as T,
    };
  }
  const ask = (task: unknown, key?: string) => schedule({ org: FLEET, task, by: 'ada' }, key);
  const refused = (body: unknown, key?: string) => schedule<ApiError>(body, key);

  it('says so when there is nobody to give work to', async () => {
    const { status, body } = await refused({ org: FLEET, task: 'plan', by: 'ada' });

    assert.equal(status, 422);
    assert.match(body.message, /No agent is a lead: name an agent/);
  });

  it('gives the task to an agent of the domain, and answers where to look', async () => {
    apollo = await control.connect('apollo');
    await apollo.request(`${FLEET}.heartbeat.apollo`, JSON.stringify(heartbeatOf('apollo')));
    await waitFor(
      'apollo to be known',
      async () => (await control.api('GET', '/v1/agents/apollo')).status === 200,
    );
    const { status, location, body } = await ask({ text: 'plan the week', domain: 'planning', priority: 1 });

    assert.equal(status, 202);
    assert.equal(body.agent, 'apollo');
    assert.equal(location, body.task);
    const found = await control.api<TaskDetail>('GET', body.task);
    assert.deepEqual(
      [found.body.text, found.body.priority, found.body.requester, found.body.domain],
      ['plan the week', 1, 'ada', 'planning'],
    );
    const live = await fetch(`${control.url}${body.events}`, {
      headers: { authorization: `Bearer ${control.token}` },
      signal: AbortSignal.timeout(10_000),
    });
    assert.ok(live.body);
    const first = (await eventsOf(live.body).next()).value;
    assert.equal(first?.change.what, 'admit');
    assert.equal(first?.change.who, 'person/ada');
  });

  it('takes the task as a text, for an agent by name', async () => {
    assert.equal((await refused({ org: FLEET, task: 'no lead is here', by: 'ada' })).status, 422);
    assert.equal((await ask({ text: 'by name', agent: 'apollo' })).body.agent, 'apollo');
  });

  it('makes one task of one Idempotency-Key, also after a restart, and refuses another task under it', async () => {
    const task = { text: 'once', agent: 'apollo' };
    const first = await ask(task, 'key-1');
    await control.kill();
    await control.start();
    const second = await ask(task, 'key-1');

    assert.equal(second.status, 202);
    assert.equal(second.body.id, first.body.id);
    const other = await refused({ org: FLEET, task: { ...task, text: 'twice' }, by: 'ada' }, 'key-1');
    assert.equal(other.status, 422);
    assert.match(other.body.message, new RegExp(`was used for another task, ${first.body.id}`));
    const ofBob = await schedule({ org: FLEET, task, by: 'bob' }, 'key-1');
    assert.notEqual(ofBob.body.id, first.body.id, 'keys are of those who ask');
    assert.match((await refused({ org: FLEET, task, by: 'ada' }, 'two words')).body.message, /visible ASCII/);
  });

  it('knows no other org, and no body of another form', async () => {
    const other = await refused({ org: 'acme', task: 'plan', by: 'ada' });
    assert.equal(other.status, 404);
    assert.match(other.body.message, /control plane of f1, not of acme: write f1 as org/);
    assert.equal((await refused({ org: FLEET, by: 'ada' })).status, 400);
    assert.match((await refused({ org: FLEET, task: 'plan' })).body.message, /by is missing/);
  });

  it('never calls a refused task accepted', async () => {
    const unknown = await refused({ org: FLEET, task: { text: 'x', agent: 'zeus' }, by: 'ada' });
    assert.equal(unknown.status, 422);
    assert.match(unknown.body.message, /names an agent that has never sent a heartbeat/);
    const empty = await refused({ org: FLEET, task: { text: ' ', agent: 'apollo' }, by: 'ada' });
    assert.equal(empty.status, 422);
    const statuses = [];
    for (let times = 0; times < 22; times += 1) {
      statuses.push(
        (await schedule({ org: FLEET, task: { text: 'more', agent: 'apollo' }, by: 'eve' })).status,
      );
    }
    assert.equal(statuses.filter((status) => status === 202).length, 20);
    assert.equal(statuses.at(-1), 429);
  });

  it('needs a token, and so do the lists beside it', async () => {
    const bare = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
    assert.equal((await fetch(`${control.url}/schedule`, bare)).status, 401);
    assert.equal((await fetch(`${control.url}/tasks`)).status, 401);
  });

  it('stands beside the health and the lists of GuildNet', async () => {
    const { tasks } = (await control.api<{ tasks: TaskView[] }>('GET', '/tasks?limit=2')).body;
    assert.equal(tasks.length, 2);
    assert.equal((await control.api<{ agents: unknown[] }>('GET', '/agents')).body.agents.length, 1);
    assert.equal(((await (await fetch(`${control.url}/health`)).json()) as HealthView).status, 'ok');
  });
});
