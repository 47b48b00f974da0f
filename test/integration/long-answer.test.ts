import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskDetail, TaskView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { asked, script, untilAsked } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('a task of which a part does not fit into a message', function () {
  this.timeout(180_000);
  let fleet: TestFleet;
  before(async () => {
    fleet = await startFleet();
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  async function taskOf(text: string): Promise<TaskDetail> {
    const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
    const found = tasks.find((task) => task.text.includes(text));
    assert.ok(found, `no task says ${text}`);
    return fleet.api<TaskDetail>(`/v1/tasks/${found.id}`);
  }

  it('brings the model all of a long text', async () => {
    const text = `Read this to its end. ${'A line of it.\n'.repeat(10_000)}And that was the very end.`;
    const cli = new CliCaller(fleet.stateDir);
    const ended = await cli.run(['task', 'create', 'athena', '-', '--follow'], {}, text);

    assert.equal(ended.code, 0, ended.stderr);
    assert.ok(await asked(fleet.modelScript, text.slice(-100_000)));
  });

  it('has its long answer as an artifact, of which the chat gets the beginning and where the rest is', async () => {
    await script(fleet.modelScript, {
      match: 'a whole book',
      behaviour: { kind: 'long', characters: 200_000 },
    });
    const post = await fleet.person.say('@athena write a whole book');
    await fleet.person.untilReaction(post.id, 'white_check_mark', 120_000);

    const task = await taskOf('a whole book');
    const { answer = '', answerArtifact } = task;
    assert.ok(answerArtifact && answerArtifact.bytes >= 200_000);
    const replies = await fleet.person.replies(post.id);
    assert.equal(replies.length, 1);
    const told = replies[0]?.message ?? '';
    assert.ok(told.startsWith(answer.slice(0, 5000)));
    assert.ok(told.includes(`olympus artifact get ${answerArtifact.digest} --out answer.md`));

    const cli = new CliCaller(fleet.stateDir);
    const file = path.join(fleet.stateDir, 'answer.md');
    assert.match(
      (await cli.run(['task', 'show', task.id])).stdout,
      /This is its beginning\. All 2\d{5} bytes: olympus/,
    );
    const got = await cli.run(['artifact', 'get', answerArtifact.digest, '--out', file]);
    assert.equal(got.code, 0, got.stderr);
    const whole = await readFile(file, 'utf8');
    assert.equal(Buffer.byteLength(whole), answerArtifact.bytes);
    assert.ok(whole.startsWith(answer));
  });

  it('waits with its answer for a control plane that is away, and it is told once and as a whole', async () => {
    const chapter = 'so it went on. '.repeat(5_000);
    await script(fleet.modelScript, { match: 'a chapter', behaviour: { kind: 'hold', text: chapter } });
    const post = await fleet.person.say('@athena write a chapter');
    await untilAsked(fleet.modelScript, 'a chapter');
    await waitFor('the run to be under way', async () => (await taskOf('a chapter')).state === 'running');
    const { process: control } = fleet.control;
    await control.halt();
    // Only now: an answer that is there before control has gone is taken by it.
    await waitFor('the model to be released', async () => {
      const { released } = await fleet.modelScript.post<{ released: number }>('release', {
        match: 'a chapter',
      });
      return released > 0;
    });
    await waitFor(
      'the daemon to have tried',
      () => fleet.agent('athena').daemon.logTail().includes('did not take an answer'),
      { timeoutMs: 60_000 },
    );
    await control.start(new AbortController().signal);

    await fleet.person.untilReaction(post.id, 'white_check_mark', 120_000);
    const { answer = '', answerArtifact } = await taskOf('a chapter');
    assert.ok(answer.length >= 70_000);
    assert.equal(answerArtifact, undefined);
    const [said, ...others] = await fleet.person.replies(post.id);
    assert.deepEqual(others, []);
    assert.ok(said && answer.startsWith(said.message.slice(0, 2000)), said?.message);
    assert.equal(await fleet.person.file(said), answer);
    assert.doesNotMatch(answer, /Cut here/);
  });
});
