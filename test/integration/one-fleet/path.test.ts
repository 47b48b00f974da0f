import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskDetail, TaskView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { script } from '#test/control-surface.ts';
import type { TestFleet } from '#test/fleet.ts';
import type { SeenPost } from '#test/person.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

const DIGEST = /prompt-digest: [0-9a-f]{64}/;

interface ModelRequest {
  readonly system: string;
  readonly messages: readonly { readonly role: string; readonly text: string }[];
}

describe('the path from a mention to its answer', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    fleet = await sharedFleet();
  });

  it('answers a mention in its thread, with 👀 first and ✅ at the end', async () => {
    const post = await fleet.person.say('@athena hello');

    const answer = await fleet.person.untilReply(post.id, DIGEST);
    await fleet.person.untilReaction(post.id, 'white_check_mark');

    const reactions = await fleet.person.reactions(post.id);
    assert.ok(reactions.includes('eyes'));
    assert.ok(!reactions.includes('hammer_and_wrench'), 'the working sign is taken away at the end');
    assert.equal((await fleet.person.replies(post.id)).length, 1);
    assert.match(answer.message, /hello/);
  });

  it('goes on in a thread without another mention, but not for what is meant for somebody else', async () => {
    const post = await fleet.person.say('@athena hello again');
    await fleet.person.untilReply(post.id, DIGEST);
    await fleet.person.say('@human never mind', { rootId: post.id });
    const more = await fleet.person.say('and what else?', { rootId: post.id });

    await fleet.person.untilReaction(more.id, 'white_check_mark');

    const said = await answers(fleet, post.id);
    assert.equal(said.length, 2);
    assert.match(said[1] ?? '', /and what else\?/);
  });

  it('shows in one post how a long run gets on, and answers in another', async () => {
    const nonce = randomUUID();
    await script(
      fleet.modelScript,
      {
        match: nonce,
        matchIn: 'any',
        behaviour: { kind: 'tool', name: 'exec', args: { command: `sleep 8 # ${nonce}` } },
      },
      { match: nonce, matchIn: 'any', behaviour: { kind: 'answer', text: `slept ${nonce}` } },
    );
    const post = await fleet.person.say(`@athena sleep ${nonce}`);
    const shown = await fleet.person.untilReply(
      post.id,
      /^Working for \d+ s, running a command\.\n1 tool call/,
    );
    assert.doesNotMatch(shown.message, new RegExp(nonce), 'not what it was called with');

    await fleet.person.untilReaction(post.id, 'white_check_mark');

    const closed = await fleet.person.untilReply(post.id, /^Worked \d+ s: 1 tool call \(1 command\)\.$/);
    const [first, ...answer] = await fleet.person.replies(post.id);
    assert.deepEqual([first?.id, closed.id], [shown.id, shown.id]);
    assert.deepEqual(
      answer.map(({ message }) => message),
      [`slept ${nonce}`],
    );
  }).timeout(120_000);

  it('answers with what OpenClaw put into the prompt: a nonce written into SOUL.md just now', async () => {
    const nonce = `nonce:${randomUUID()}`;
    await appendFile(path.join(fleet.agent('athena').gateway.workspaceDir, 'SOUL.md'), `\n${nonce}\n`);

    const post = await fleet.person.say('@athena who are you?');
    const answer = await fleet.person.untilReply(post.id, DIGEST);

    const proof = createHash('sha256').update(nonce).digest('hex');
    assert.ok(answer.message.includes(`seen ${proof}`), answer.message);
    const { requests } = await fleet.modelScript.get<{ requests: ModelRequest[] }>('requests');
    assert.ok(requests.some((request) => request.system.includes(nonce)));
  });

  it('gives the model all of a text that no post could hold', async () => {
    const text = `${randomUUID()} ${'and so on '.repeat(6_000)}until the last word`;
    const cli = new CliCaller(fleet.stateDir);
    const { code, stderr } = await cli.run(['task', 'create', 'athena', '-', '--follow'], {}, text);

    assert.equal(code, 0, stderr);
    const { requests } = await fleet.modelScript.get<{ requests: ModelRequest[] }>('requests');
    const seen = requests.flatMap(({ messages }) => messages.map((message) => message.text));
    assert.ok(
      seen.some((message) => message.includes(text)),
      'the model was not given it',
    );
  });

  it('leaves the turn in the history of the gateway', async () => {
    const post = await fleet.person.say('@athena remember this sentence');
    await fleet.person.untilReply(post.id, DIGEST);

    const history = await gatewayHistory(fleet, `olympus:conv:mm-${post.id}`);
    assert.match(history, /remember this sentence/);
    assert.match(history, DIGEST);
  });

  it('goes on in the same session with the second message of a thread', async () => {
    const first = await fleet.person.say('@athena my favourite colour is teal');
    await fleet.person.untilReply(first.id, DIGEST);
    const second = await fleet.person.say('@athena and what is it?', { rootId: first.id });
    await fleet.person.untilReaction(second.id, 'white_check_mark');

    assert.equal((await answers(fleet, first.id)).length, 2);
    const { requests } = await fleet.modelScript.get<{ requests: ModelRequest[] }>('requests');
    const texts =
      requests
        .at(-1)
        ?.messages.map((message) => message.text)
        .join('\n') ?? '';
    assert.match(texts, /teal/);
    assert.match(texts, /and what is it/);
  });

  it('knows what was said in a thread before it was asked, once', async () => {
    const before = `the kiln is at ${randomUUID()}`;
    const root = await fleet.person.say(before);
    const first = await fleet.person.say('@athena is that too hot?', { rootId: root.id });
    await fleet.person.untilReaction(first.id, 'white_check_mark');
    const second = await fleet.person.say('@athena and half of it?', { rootId: root.id });
    await fleet.person.untilReaction(second.id, 'white_check_mark');

    const { requests } = await fleet.modelScript.get<{ requests: ModelRequest[] }>('requests');
    const texts = requests.at(-1)?.messages.map(({ text }) => text) ?? [];
    const asked = texts.find((text) => text.includes('is that too hot?')) ?? '';
    assert.ok(asked.includes(`@human (human):\n> ${before}`), asked);
    assert.ok(texts.some((text) => text.includes('and half of it?')));
    assert.equal(texts.join('\n').split(before).length - 1, 1, texts.join('\n'));
  });

  it('shows that it is at work, and types, while the model thinks', async () => {
    await script(fleet.modelScript, { match: 'think hard', behaviour: { kind: 'hold' } });
    const { last } = await fleet.chatFaults.get<{ last: number }>('requests');
    const post = await fleet.person.say('@athena think hard');

    await fleet.person.untilReaction(post.id, 'hammer_and_wrench');
    await waitFor('typing in the thread', async () => {
      // By their numbers: of many the log keeps the last alone.
      const seen = await fleet.chatFaults.get<{ requests: { path: string }[] }>(`requests?since=${last}`);
      return seen.requests.some((request) => request.path.endsWith('/users/me/typing'));
    });
    await untilReleased(fleet, 'think hard');
    await fleet.person.untilReaction(post.id, 'white_check_mark');
  });

  it('records the task with its run, its tokens and its history', async () => {
    const marker = randomUUID();
    const post = await fleet.person.say(`@athena record ${marker}`);
    await fleet.person.untilReaction(post.id, 'white_check_mark');

    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
    const task = tasks.find((each) => each.text.includes(marker));
    assert.ok(task);
    const detail = await fleet.api<TaskDetail>(`/v1/tasks/${task.id}`);
    assert.equal(detail.state, 'completed');
    assert.equal(detail.requester, 'human');
    assert.match(detail.answer ?? '', DIGEST);
    assert.equal(detail.runs.length, 1);
    assert.ok((detail.runs[0]?.usage?.inputTokens ?? 0) > 100);
    assert.ok((detail.runs[0]?.usage?.outputTokens ?? 0) > 0);
    const states = detail.history.map((entry) => entry.state);
    assert.deepEqual(states.slice(0, 3), ['admitted', 'queued', 'released']);
    assert.equal(states.at(-1), 'completed');
  });

  it('answers a direct message without a mention', async () => {
    const athena = (await fleet.person.call('GET', '/users/username/athena')).body as unknown as {
      id: string;
    };
    const channel = (await fleet.person.call('POST', '/channels/direct', [fleet.person.userId, athena.id]))
      .body as unknown as { id: string };
    const marker = randomUUID();
    await fleet.person.call('POST', '/posts', { channel_id: channel.id, message: `in private ${marker}` });

    await waitFor(
      'an answer in the direct channel',
      async () => {
        const { body } = await fleet.person.call('GET', `/channels/${channel.id}/posts`);
        const { posts } = body as unknown as { posts: Record<string, { user_id: string; message: string }> };
        return Object.values(posts).some(
          (post) => post.user_id === athena.id && post.message.includes(marker),
        );
      },
      { timeoutMs: 30_000 },
    );
  });

  it('does several at once, and says which is queued', async () => {
    await script(fleet.modelScript, { match: 'busy', times: 3, behaviour: { kind: 'hold' } });
    const posts: SeenPost[] = [];
    for (const number of [1, 2, 3]) posts.push(await fleet.person.say(`@athena busy ${number}`));

    // Her manifest allows two runs at once.
    const last = posts[2];
    assert.ok(last);
    await fleet.person.untilReaction(last.id, 'hourglass_flowing_sand');
    await waitFor(
      'all three to be answered',
      async () => {
        await fleet.modelScript.post('release', { match: 'busy' });
        const done = await Promise.all(posts.map((post) => fleet.person.reactions(post.id)));
        return done.every((reactions) => reactions.includes('white_check_mark'));
      },
      { timeoutMs: 30_000 },
    );
    for (const post of posts) assert.equal((await answers(fleet, post.id)).length, 1);
  });
});

/** Lets a held model call go on, once it is held. */
async function untilReleased(fleet: TestFleet, match: string): Promise<void> {
  await waitFor(
    `the model to be asked about "${match}"`,
    async () => {
      const { released } = await fleet.modelScript.post<{ released: number }>('release', { match });
      return released > 0;
    },
    { timeoutMs: 30_000 },
  );
}

async function answers(fleet: TestFleet, rootId: string): Promise<string[]> {
  const replies = await fleet.person.replies(rootId);
  return replies.map((post) => post.message).filter((message) => DIGEST.test(message));
}

async function gatewayHistory(fleet: TestFleet, sessionKey: string): Promise<string> {
  const { gateway } = fleet.agent('athena');
  const token = (await readFile(gateway.tokenFile, 'utf8')).trim();
  const key = encodeURIComponent(`agent:main:${sessionKey}`);
  const response = await fetch(`${gateway.url}/sessions/${key}/history?limit=50`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  return response.text();
}
