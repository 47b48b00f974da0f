import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import type { AgentView, TaskDetail, TaskView } from '#core/api.ts';
import { choosePort } from '#lab/local/ports.ts';
import { CliCaller } from '#test/cli-call.ts';
import { script } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import type { SeenPost } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

const DIGEST = /prompt-digest: [0-9a-f]{64}/;

interface Said {
  readonly thread: string;
  readonly outcome: string;
  readonly agents: readonly { readonly name: string; readonly state: string }[];
  readonly replies: readonly { readonly author: string; readonly text: string }[];
}

interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly what: string }[];
  readonly notChecked: readonly string[];
}

describe('the olympus command', function () {
  this.timeout(120_000);
  let fleet: TestFleet;
  let cli: CliCaller;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
    cli = new CliCaller(fleet.stateDir);
  });

  /** The id of the post with this text, once it is there. */
  async function postOf(message: string): Promise<string> {
    const channelId = await fleet.person.channelId('town-square');
    return waitFor(`the post "${message}"`, async () => {
      const { body } = await fleet.person.call('GET', `/channels/${channelId}/posts`);
      const { posts } = body as unknown as { posts: Record<string, SeenPost> };
      return Object.values(posts).find((post) => post.message === message)?.id;
    });
  }

  /** Lets the model answer, and waits until the agent has told the person. */
  async function release(match: string, postId: string): Promise<void> {
    await waitFor(
      `the answer to ${match}`,
      async () => {
        await fleet.modelScript.post('release', { match });
        return (await fleet.person.replies(postId)).some((post) => DIGEST.test(post.message));
      },
      { timeoutMs: 45_000 },
    );
  }

  describe('say', () => {
    it('prints the answer of the mentioned agent and how to go on', async () => {
      const { code, stdout, stderr } = await cli.run(['say', '@athena hello']);

      assert.equal(code, 0, stderr);
      assert.match(stdout, /^athena:\n/);
      assert.match(stdout, DIGEST);
      assert.match(stderr, /olympus say --thread [a-z0-9]{26} "@athena …"/);
    });

    it('goes on in a thread, and prints one JSON value with --json', async () => {
      const first = await cli.json<Said>('say', '@athena my favourite colour is teal');
      const second = await cli.json<Said>('say', '--thread', first.thread, 'which one is it?');

      assert.equal(second.thread, first.thread);
      assert.deepEqual(second.agents, [{ name: 'athena', state: 'done' }]);
      assert.equal(second.replies.length, 1, 'only what came after the question');
      assert.match(second.replies[0]?.text ?? '', DIGEST);
    });

    it('reads the message from standard input, and returns at once with --no-wait', async () => {
      const marker = randomUUID();
      const { code, stdout } = await cli.run(['say', '--no-wait', '-'], {}, `@athena read\n${marker}\n`);

      assert.equal(code, 0);
      const thread = /Posted in thread ([a-z0-9]{26})\./.exec(stdout)?.[1] ?? '';
      await fleet.person.untilReply(thread, new RegExp(marker));
    });

    it('ends with 1 when the agent could not do it, and shows why', async () => {
      await script(fleet.modelScript, { match: 'break', behaviour: { kind: 'error', status: 400 } });
      const { code, stdout, stderr } = await cli.run(['say', '@athena break']);

      assert.equal(code, 1);
      assert.match(stdout, /I could not finish this/);
      assert.match(stderr, /✗ athena could not do it/);
    });

    it('ends with 3 when the time is over, whatever others put on the post', async () => {
      await script(fleet.modelScript, { match: 'ponder', times: 1, behaviour: { kind: 'hold' } });
      const { ended } = cli.start(['say', '--timeout', '1.5', '@athena ponder']);
      const postId = await postOf('@athena ponder');
      await fleet.person.call('POST', '/reactions', {
        user_id: fleet.person.userId,
        post_id: postId,
        emoji_name: 'white_check_mark',
      });
      const { code, stderr } = await ended;
      await release('ponder', postId);

      assert.equal(code, 3);
      assert.match(stderr, /athena has not finished within 1\.5 s.*The task goes on/);
    });

    it('ends with 130 at Ctrl-C, saying that the work goes on', async () => {
      await script(fleet.modelScript, { match: 'meditate', times: 1, behaviour: { kind: 'hold' } });
      const { child, ended } = cli.start(['say', '@athena meditate']);
      const postId = await postOf('@athena meditate');
      await fleet.person.untilReaction(postId, 'hammer_and_wrench');
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      await release('meditate', postId);

      assert.equal(code, 130);
      assert.match(stderr, new RegExp(`the work goes on[\\s\\S]*--thread ${postId}`));
    });

    it('refuses to go on in a thread that is no agent’s', async () => {
      const { id } = await fleet.person.say('among people');
      const { code, stderr } = await cli.run(['say', '--thread', id, 'and you?']);

      assert.equal(code, 2);
      assert.match(stderr, /this thread is no agent's.* @athena/);
    });

    it('refuses before it posts: nobody mentioned, no such agent, channel or thread, too long, empty', async () => {
      const refused = async (sentence: RegExp, ...args: string[]): Promise<void> => {
        const { code, stdout, stderr } = await cli.run(['say', ...args]);
        assert.equal(code, 2, stderr);
        assert.equal(stdout, '');
        assert.match(stderr, sentence);
      };
      await Promise.all([
        refused(/Nobody is mentioned.* The agent here is @athena/, 'hello'),
        refused(/is for people in chat.*olympus status/, '!olympus status'),
        refused(/@zeus is no agent.* @athena/, '@zeus hello'),
        refused(/no channel olymp in the team olympus.*town-square/, '--channel', 'olymp', '@athena hello'),
        refused(/no thread nowhere/, '--thread', 'nowhere', '@athena hello'),
        refused(/20,008 characters; a post holds at most 16,383/, `@athena ${'ä'.repeat(20_000)}`),
        refused(/message is empty/, ' '),
      ]);
    });

    it('says what to do about a wrong token and a server that is away', async () => {
      const away = `http://127.0.0.1:${await choosePort(0)}`;
      const [wrong, unreachable] = await Promise.all([
        cli.run(['say', '@athena hello'], { OLYMPUS_MATTERMOST_TOKEN: 'wrong' }),
        cli.run(['say', '@athena hello'], { OLYMPUS_MATTERMOST_URL: away }),
      ]);

      assert.deepEqual([wrong.code, unreachable.code], [1, 1]);
      assert.match(wrong.stderr, /does not accept the token \(401\).*OLYMPUS_MATTERMOST_TOKEN/);
      assert.match(unreachable.stderr, /does not answer: nothing listens there.*OLYMPUS_MATTERMOST_URL/);
    });
  });

  describe('task and agent', () => {
    it('list and show work, by a prefix of the id too', async () => {
      const marker = randomUUID();
      await cli.json<Said>('say', `@athena ${marker}`);

      const tasks = await cli.json<TaskView[]>('task', 'list', '--agent', 'athena', '--state', 'completed');
      const task = tasks.find((each) => each.text === marker);
      assert.ok(task);
      const detail = await cli.json<TaskDetail>('task', 'show', task.id.slice(0, 18));
      const listed = await cli.run(['task', 'list']);
      const shown = await cli.run(['task', 'show', task.id]);

      assert.equal(detail.id, task.id);
      assert.match(
        listed.stdout,
        new RegExp(`^${task.id.slice(0, 13)}\\S* +completed +athena .*${marker}$`, 'm'),
      );
      assert.match(shown.stdout, /admit +→ admitted[\s\S]*→ completed/);
      assert.match(shown.stdout, /[\d,]+ tokens in, [\d,]+ out, 1 model call, cost \d/);
      assert.match(shown.stdout, DIGEST);
    });

    it('say so when there is no such task', async () => {
      const [none, short] = await Promise.all([
        cli.run(['task', 'show', 'ffffffff']),
        cli.run(['task', 'show', 'ff']),
      ]);

      assert.equal(none.code, 1);
      assert.match(none.stderr, /No task begins with ffffffff/);
      assert.equal(short.code, 2);
    });

    it('list the agents', async () => {
      const agents = await cli.json<AgentView[]>('agent', 'list');
      const { stdout } = await cli.run(['agent', 'list']);

      assert.deepEqual(
        agents.map((agent) => [agent.name, agent.phase]),
        [['athena', 'Ready']],
      );
      assert.match(stdout, /^athena +lead +planning +Ready +0\/2 /m);
    });
  });

  describe('status and doctor', () => {
    it('find nothing wrong with a fleet that is well', async () => {
      const [status, doctor] = await Promise.all([cli.run(['status']), cli.run(['doctor'])]);

      assert.equal(status.code, 0, status.stdout);
      assert.match(status.stdout, /Everything is ready\./);
      assert.equal(doctor.code, 0, doctor.stdout);
      assert.match(doctor.stdout, /All \d+ checks passed\./);
      assert.doesNotMatch(doctor.stdout, /✗/);
    });

    it('name a wrong token, a file that others can read, and a chat server that is away', async () => {
      const envFile = path.join(fleet.stateDir, '.env');
      await chmod(envFile, 0o644);
      const away = `http://127.0.0.1:${await choosePort(0)}`;
      const settings = { OLYMPUS_API_TOKEN: 'wrong', OLYMPUS_MATTERMOST_URL: away };
      const [status, doctor] = await Promise.all([
        cli.run(['status'], settings),
        cli.run(['doctor', '--json'], settings),
      ]);
      await chmod(envFile, 0o600);

      assert.deepEqual([status.code, doctor.code], [1, 1]);
      assert.match(status.stdout, /does not accept the token \(401\)[\s\S]*OLYMPUS_API_TOKEN/);
      const { checks, notChecked } = JSON.parse(doctor.stdout) as Diagnosis;
      const failed = checks.filter((check) => !check.ok).map((check) => check.name);
      assert.deepEqual(failed, ['settings', 'token', 'chat']);
      assert.deepEqual(notChecked, ['agents', 'queue', 'chat token', 'chat team']);
    });

    it('name a control plane that is gone, and where to look', async () => {
      const { process: control } = fleet.control;
      await control.halt();
      const [doctor, status, list] = await Promise.all([
        cli.run(['doctor']),
        cli.run(['status', '--json']),
        cli.run(['task', 'list', '--json']),
      ]).finally(() => control.start(AbortSignal.timeout(20_000)));
      await waitFor('athena to be seen again', async () => {
        const { agents } = await fleet.api<{ agents: AgentView[] }>('/v1/agents');
        return agents[0]?.phase === 'Ready';
      });

      assert.deepEqual([doctor.code, status.code, list.code], [1, 1, 1]);
      assert.match(doctor.stdout, /✗ control plane .*connection refused.*\n +→ .*control\.log/);
      assert.match(doctor.stdout, /✓ chat token/);
      assert.match(doctor.stdout, /not checked: version, .*agents/);
      assert.equal((JSON.parse(status.stdout) as { ok: boolean }).ok, false);
      assert.equal(list.stdout, '');
      assert.match(list.stderr, /OLYMPUS_API_URL/);
    });
  });

  it('suggests the command that was meant', async () => {
    const { code, stderr } = await cli.run(['stauts']);

    assert.equal(code, 2);
    assert.match(stderr, /unknown command 'stauts'\. Did you mean status\?/);
  });
});
