import assert from 'node:assert/strict';
import { chmod, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ApiError, AuditView, TaskDetail, TaskView } from '#core/api.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { heartbeatOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const READER = { name: 'rita', token: 'rita-reads-and-does-no-more', scopes: ['read'] };
const WORKER = { name: 'ada', token: 'ada-asks-for-tasks-and-reads', scopes: ['read', 'work'] };
const AGENTS = { athena: 'athena-is-herself-and-no-more' };

describe('a token of the API', () => {
  let dir: TempDir;
  let file: string;
  let control: ControlOnBus;
  let athena: BusClient;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('tokens');
    file = path.join(dir.path, 'tokens.json');
    await give(READER, WORKER);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_API_TOKENS_FILE: file });
    athena = await control.connect('athena');
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(heartbeatOf('athena')));
    await waitFor(
      'athena to be known',
      async () => (await ask(READER.token, 'GET', '/v1/agents/athena')).status === 200,
    );
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Puts a whole new file in place of the old one, as the role does. */
  async function give(...people: (typeof READER)[]): Promise<void> {
    await write(apiTokensText(people, AGENTS));
  }
  async function write(text: string): Promise<void> {
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  async function ask<T = ApiError>(
    token: string | undefined,
    method: 'GET' | 'HEAD' | 'POST',
    route: string,
    body?: unknown,
  ): Promise<{ status: number; body: T }> {
    const response = await fetch(`${control.url}${route}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text || 'null') as T };
  }
  const newTask = { agent: 'athena', text: 'sum up' };

  it('that is none is refused, whatever is asked', async () => {
    for (const token of [undefined, 'nobody-has-this-one']) {
      for (const route of ['/v1/tasks', '/v1/events', '/v1/audit']) {
        assert.equal((await ask(token, 'GET', route)).status, 401, route);
      }
    }
  });

  it('does what its scopes say, and a refusal names the scope and where it is given', async () => {
    assert.equal((await ask(READER.token, 'HEAD', '/v1/tasks')).status, 200);
    const refused = await ask(READER.token, 'POST', '/v1/tasks', newTask);
    assert.equal(refused.status, 403);
    assert.match(refused.body.message, /needs the scope work, and the token of rita has read/);
    assert.match(refused.body.message, /api_tokens of the inventory.*OLYMPUS_API_TOKENS_FILE/);
    assert.equal((await ask(WORKER.token, 'POST', '/v1/dlq/1/redrive', {})).status, 403);
    assert.equal((await ask(AGENTS.athena, 'GET', '/v1/tasks')).status, 403);
    assert.equal((await ask(AGENTS.athena, 'GET', '/v1/events')).status, 403);
  });

  it('acts under its own name and no other, and the record says so', async () => {
    const other = await ask(WORKER.token, 'POST', '/v1/tasks', { ...newTask, by: 'rita' });
    assert.equal(other.status, 403);
    assert.match(other.body.message, /acts as ada, not as rita: leave by out/);

    const { status, body } = await ask<TaskView>(WORKER.token, 'POST', '/v1/tasks', newTask);
    assert.equal(status, 201);
    assert.equal(body.requester, 'ada');
    assert.equal(
      (await ask(WORKER.token, 'POST', `/v1/tasks/${body.id}/cancel`, { by: 'rita' })).status,
      403,
    );
    assert.equal((await ask(WORKER.token, 'POST', `/v1/tasks/${body.id}/cancel`, {})).status, 200);
    const { history } = (await ask<TaskDetail>(READER.token, 'GET', `/v1/tasks/${body.id}`)).body;
    const said = history.filter(({ event }) => event === 'admit' || event === 'cancel');
    assert.deepEqual(
      said.map(({ who }) => who),
      ['person/ada', 'person/ada'],
    );
  });

  it('has keys of its own: nobody takes the key of anybody else', async () => {
    const asked = { ...newTask, dedupKey: 'weekly' };
    const first = await ask<TaskView>(WORKER.token, 'POST', '/v1/tasks', asked);
    const again = await ask<TaskView>(WORKER.token, 'POST', '/v1/tasks', asked);
    const full = await ask<TaskView>(control.token, 'POST', '/v1/tasks', { ...asked, by: 'grace' });

    assert.equal(again.body.id, first.body.id);
    assert.notEqual(full.body.id, first.body.id);
  });

  it('replaces the words of no held task of anybody else', async () => {
    const held = { ...newTask, text: 'mine', debounce: { key: 'report', windowMs: 60_000 } };
    const first = await ask<TaskView>(WORKER.token, 'POST', '/v1/tasks', held);
    const other = { ...held, text: 'theirs', by: 'grace' };
    const full = await ask<TaskView>(control.token, 'POST', '/v1/tasks', other);

    assert.notEqual(full.body.id, first.body.id);
    const shown = await ask<TaskDetail>(READER.token, 'GET', `/v1/tasks/${first.body.id}`);
    assert.equal(shown.body.text, 'mine');
  });

  it('without a name says who acts, as before', async () => {
    const nobody = await ask(control.token, 'POST', '/v1/tasks', newTask);
    assert.equal(nobody.status, 400);
    assert.match(nobody.body.message, /by is missing/);
    const said = await ask<TaskView>(control.token, 'POST', '/v1/tasks', { ...newTask, by: 'grace' });
    assert.equal(said.body.requester, 'grace');
  });

  it('serves the command, which is told who it acts as', async () => {
    const cli = (env: Record<string, string>) =>
      new CliCaller(control.stateDir).run(['task', 'create', 'athena', 'from the command'], {
        OLYMPUS_API_URL: control.url,
        OLYMPUS_API_TOKEN: WORKER.token,
        USER: 'somebody',
        ...env,
      });
    const wrong = await cli({});
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /acts as ada, not as somebody.*OLYMPUS_API_USER=ada/s);
    const right = await cli({ OLYMPUS_API_USER: 'ada' });
    assert.equal(right.code, 0, right.stderr);
  });

  it('that is taken out of the file ends, and one that comes in begins, without a restart', async () => {
    const eve = { name: 'eve', token: 'eve-came-in-after-the-start', scopes: ['read'] };
    await give(READER, eve);

    assert.equal((await ask(WORKER.token, 'GET', '/v1/tasks')).status, 401);
    assert.equal((await ask(eve.token, 'GET', '/v1/tasks')).status, 200);
  });

  it('that is taken out of the file is told nothing more on a stream that was open', async () => {
    const live = await fetch(`${control.url}/v1/events`, {
      headers: { authorization: `Bearer ${READER.token}` },
      signal: AbortSignal.timeout(20_000),
    });
    assert.equal(live.status, 200);
    await give(WORKER);
    const { body } = await ask<TaskView>(WORKER.token, 'POST', '/v1/tasks', newTask);

    let heard = '';
    assert.ok(live.body);
    for await (const chunk of live.body.pipeThrough(new TextDecoderStream())) heard += chunk;
    assert.match(heard, /^: changes/);
    assert.ok(!heard.includes(body.id), heard);
  });

  it('stays good when the file is broken, and the health says what is wrong until it is mended', async () => {
    await write('{"tokens": [{"name": "ada"}]}');
    const sick = await fetch(`${control.url}/healthz`);
    assert.equal(sick.status, 503);
    assert.match(await sick.text(), /OLYMPUS_API_TOKENS_FILE.*tokens\.json is wrong/);
    assert.equal((await ask(WORKER.token, 'GET', '/v1/tasks')).status, 200);

    await give(READER);
    await chmod(file, 0o644);
    assert.match(await (await fetch(`${control.url}/healthz`)).text(), /readable by everybody/);

    await give(READER);
    assert.equal((await fetch(`${control.url}/healthz`)).status, 200);
    assert.equal((await ask(WORKER.token, 'GET', '/v1/tasks')).status, 401);
  });

  it('cannot pass for a person in the record', async () => {
    const { body } = await ask<{ records: AuditView[] }>(READER.token, 'GET', '/v1/audit?limit=500');
    const people = new Set(body.records.map(({ who }) => who).filter((who) => who.startsWith('person/')));

    assert.deepEqual(people, new Set(['person/ada', 'person/grace']));
  });
});
