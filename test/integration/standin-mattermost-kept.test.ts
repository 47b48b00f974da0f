import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startProgram } from '#test/program.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const MAIN = 'src/standins/mattermost/main.ts';

describe('a Mattermost stand-in with a state file', () => {
  let dir: TempDir;
  beforeEach(async () => {
    dir = await tempDir('mattermost');
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  it('has after kill -9 what it has answered for, and forgets which requests it has seen', async () => {
    const before = await start();
    const seeded = await seed(before);
    const root = await call(before, 'POST', '/posts', { channel_id: channelOf(seeded), message: 'root' });
    const reply = {
      channel_id: channelOf(seeded),
      root_id: root['id'],
      message: 'reply',
      pending_post_id: 'p1',
    };
    await call(before, 'POST', '/posts', reply);
    await call(before, 'PUT', `/posts/${root['id']}/patch`, { message: 'root, edited' });
    const reaction = { user_id: root['user_id'], post_id: root['id'], emoji_name: 'eyes' };
    await call(before, 'POST', '/reactions', reaction);
    const thread = await call(before, 'GET', `/posts/${root['id']}/thread`);

    await before[Symbol.asyncDispose]();
    await using after = await start();

    assert.deepEqual(await seed(after), seeded);
    assert.deepEqual(await call(after, 'GET', `/posts/${root['id']}/thread`), thread);
    await call(after, 'POST', '/posts', reply);
    const { posts } = (await call(after, 'GET', `/posts/${root['id']}/thread`)) as { posts: object };
    assert.equal(Object.keys(posts).length, 3);
    assert.equal((await call(after, 'GET', `/posts/${root['id']}`))['reply_count'], 2);
  });

  async function start() {
    const program = startProgram(MAIN, { args: ['--state', path.join(dir.path, 'state')] });
    const [line] = await once(createInterface(program.child.stdout), 'line');
    return { ...program, ...(JSON.parse(String(line)) as { url: string; adminUrl: string }) };
  }
});

interface Seeded {
  readonly channels: Record<string, string>;
}

async function seed({ adminUrl }: { adminUrl: string }): Promise<Seeded> {
  const wanted = { team: { name: 'olympus' }, users: [{ username: 'ada', token: 'token-of-ada' }] };
  const response = await fetch(`${adminUrl}/standin/seed`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
  });
  return (await response.json()) as Seeded;
}

function channelOf({ channels }: Seeded): string | undefined {
  return channels['town-square'];
}

async function call({ url }: { url: string }, method: string, route: string, body?: object) {
  const response = await fetch(`${url}/api/v4${route}`, {
    method,
    headers: { authorization: 'Bearer token-of-ada' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}
