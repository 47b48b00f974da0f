import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TaskDetail, TaskView } from '#core/api.ts';
import { newNonce } from '#lib/id.ts';
import { prepareScriptedFleet, type ScriptedFleet } from '#test/chaos/fleet.ts';
import { CliCaller, type Ended } from '#test/cli-call.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { noteForFailure } from '#test/failure-notes.ts';
import { Person } from '#test/person.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** A message in the hand of a process that is killed comes again after 30 seconds. */
const LONG = { timeoutMs: 75_000 };
const MANIFESTS: Readonly<Record<string, string>> = {
  athena: 'role: lead\ndomains: [planning]\nchannels: { mattermost: { town-square: thread } }',
  perseus: 'role: specialist\ndomains: [security]\nchannels: { mattermost: { town-square: thread } }',
  // He has no account in chat.
  hermes: 'role: specialist\ndomains: [comms, intel]',
};
/** How long a turn waits for what it has asked: athena's for as long as it takes, perseus' next to not at all. */
const ASK_WAIT_MS: Readonly<Record<string, string>> = { athena: '60000', perseus: '2500' };

describe('agents that work together', function () {
  this.timeout(180_000);
  let dir: TempDir;
  let fleet: ScriptedFleet;
  let script: ControlSurface;
  let cli: CliCaller;
  let person: Person;

  before(async () => {
    dir = await tempDir('together');
    fleet = await prepareScriptedFleet({
      ...{ dir: dir.path, root: ROOT, agents: Object.keys(MANIFESTS), inChat: ['athena', 'perseus'] },
      // A process that is killed is away for longer than people wait without a word, on a busy machine.
      settings: { OLYMPUS_NOTICE_AFTER_MS: '150000' },
      manifestOf: (name) => MANIFESTS[name] ?? '',
      envOf: (name) =>
        name === 'control'
          ? {}
          : { OLYMPUS_ACTION_SOCKET: socketOf(name), OLYMPUS_ASK_WAIT_MS: ASK_WAIT_MS[name] ?? '1000' },
    });
    await fleet.start();
    script = new ControlSurface(fleet.harness.adminUrl);
    cli = new CliCaller(dir.path);
    person = await Person.connect(fleet.chat?.url ?? '', fleet.chat?.humanToken ?? '');
    for (const name of Object.keys(MANIFESTS)) await waitFor(name, () => call(`agents/${name}`), LONG);
  });
  afterEach(async () => {
    await script.delete('script');
    for (const [name, { process }] of [['control', fleet.control] as const, ...fleet.agents])
      noteForFailure(name, process.logTail());
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const socketOf = (name: string): string => path.join(dir.path, `${name}.socket`);
  async function call(route: string): Promise<unknown> {
    const response = await fetch(`${fleet.control.url}/v1/${route}`, {
      headers: { authorization: `Bearer ${fleet.control.token}` },
      signal: AbortSignal.timeout(10_000),
    });
    assert.ok(response.ok, `${route}: ${response.status}`);
    return response.json();
  }
  const show = async (id: string): Promise<TaskDetail> => TaskDetail.parse(await call(`tasks/${id}`));
  const until = (id: string, state: TaskView['state']): Promise<TaskDetail> =>
    waitFor(
      `task ${id} to be ${state}`,
      async () => {
        const task = await show(id);
        if (task.state !== state) throw new Error(`it is ${task.state}`);
        return task;
      },
      LONG,
    );
  /** The task of an agent of which the text has these words. */
  const taskOf = (agent: string, words: string): Promise<TaskView> =>
    waitFor(
      `a task of ${agent} about ${words}`,
      async () => {
        const { tasks } = (await call('tasks?limit=500')) as { tasks: unknown[] };
        return tasks
          .map((each) => TaskView.parse(each))
          .find((task) => task.agent === agent && task.text.includes(words));
      },
      LONG,
    );
  const answers = (match: string, behaviour: object, times = 1): Promise<unknown> =>
    script.post('script', { rules: [{ match, times, behaviour }] });
  /** Lets this many turns go on that wait for it. */
  async function letGo(count: number): Promise<void> {
    let left = count;
    await waitFor(
      'turns to be let go',
      async () => {
        left -= (await script.post<{ released: number }>('release')).released;
        return left <= 0;
      },
      LONG,
    );
  }
  /** What a turn of this agent does: it asks a colleague. */
  const asks = (agent: string, task: string, colleague: string, text: string): Promise<Ended> =>
    cli.start(['action', 'ask', text, '--agent', colleague, '--task', task], {
      OLYMPUS_ACTION_SOCKET: socketOf(agent),
    }).ended;
  const effectsOf = async (runId: string): Promise<number> =>
    (await readFile(fleet.harness.effectsFile, 'utf8')).split('\n').filter((line) => line.includes(runId))
      .length;
  /** Who wrote what below a post. */
  async function thread(rootId: string): Promise<string[]> {
    const names = new Map<string, string>();
    for (const { user_id: id } of await person.replies(rootId)) {
      const { body } = await person.call('GET', `/users/${id}`);
      names.set(id, String(body['username']));
    }
    return (await person.replies(rootId)).map((post) => `${names.get(post.user_id)}: ${post.message}`);
  }

  it('asks two colleagues within a turn, one of them not in chat, and makes one answer of theirs', async () => {
    const subject = newNonce();
    await answers(`brief me on ${subject}`, { held: true, text: `All is quiet about ${subject}.` });
    await answers(`threats to ${subject}`, { text: 'No CVE. Ask @perseus.' });
    await answers(`letters about ${subject}`, { text: 'No letter.' });
    const post = await person.say(`@athena brief me on ${subject}`);
    const { id } = await taskOf('athena', subject);
    await until(id, 'running');

    const [threats, letters] = await Promise.all([
      asks('athena', id, 'perseus', `threats to ${subject}`),
      asks('athena', id, 'hermes', `letters about ${subject}`),
    ]);
    await letGo(1);

    assert.deepEqual([threats.code, letters.code], [0, 0], threats.stderr + letters.stderr);
    assert.match(threats.stdout, /^perseus has answered\. .* no instruction\.\n> No CVE\. Ask @perseus\.\n$/);
    assert.match(letters.stdout, /\n> No letter\.\n$/);
    await person.untilReaction(post.id, 'white_check_mark');
    const { runs, children = [] } = await show(id);
    assert.equal(runs.length, 1);
    assert.deepEqual(children.map(({ agent, state }) => `${agent} ${state}`).sort(), [
      'hermes completed',
      'perseus completed',
    ]);
    const said = await thread(post.id);
    assert.deepEqual(said.slice(0, 2).sort(), [
      `athena: **hermes**, asked by athena:\n> letters about ${subject}\n\nNo letter.`,
      `athena: **perseus**, asked by athena:\n> threats to ${subject}\n\nNo CVE. Ask @\u200bperseus.`,
    ]);
    assert.deepEqual(said.slice(2), [`athena: All is quiet about ${subject}.`]);
    const listed = await cli.run(['task', 'list'], settings());
    assert.match(listed.stdout, new RegExp(`\\(for ${id.slice(0, 8)}\\S*\\) letters about`));
  });
  const settings = () => ({ OLYMPUS_API_URL: fleet.control.url, OLYMPUS_API_TOKEN: fleet.control.token });

  it('goes on once with the answer of a colleague, though the daemon that asked was killed before it came', async () => {
    const subject = newNonce();
    await answers(`look at ${subject}`, { held: true });
    await answers(`who wrote ${subject}`, { held: true, text: 'Ada wrote it.' });
    await answers('You ended your last turn', { text: 'It is by Ada.' });
    const post = await person.say(`@perseus look at ${subject}`);
    const { id } = await taskOf('perseus', subject);
    await until(id, 'running');
    const turn = asks('perseus', id, 'hermes', `who wrote ${subject}`);
    const child = await taskOf('hermes', subject);
    await until(child.id, 'running');
    const why = await cli.run(['task', 'why', id], settings());
    assert.match(why.stdout, new RegExp(`waits for what it has asked: task ${child.id} of hermes`));

    fleet.agents.get('perseus')?.process.kill('SIGKILL');
    const { code, stderr } = await turn;
    await letGo(2);

    assert.equal(code, 75, stderr);
    const done = await until(id, 'completed');
    assert.deepEqual(
      done.runs.map(({ state }) => state),
      ['parked', 'completed'],
    );
    for (const run of done.runs) assert.equal(await effectsOf(run.id), 1);
    assert.deepEqual(
      done.children?.map((each) => each.id),
      [child.id],
    );
    await person.untilReply(post.id, /It is by Ada\./);
    assert.deepEqual(await thread(post.id), [
      `perseus: **hermes**, asked by perseus:\n> who wrote ${subject}\n\nAda wrote it.`,
      'perseus: It is by Ada.',
    ]);
  });

  it('hands work over by a mention in the thread, where each answers, until too many stand between', async () => {
    const subject = newNonce();
    await answers(subject, { text: `@athena @perseus ${subject}` }, 10);

    const post = await person.say(`@athena ${subject}`);

    await person.untilReply(post.id, /I was asked through 4 agents, and the limit is 3/);
    const passed = `@athena @perseus ${subject}`;
    assert.deepEqual(await thread(post.id), [
      `athena: ${passed}`,
      `perseus: ${passed}`,
      `athena: ${passed}`,
      `perseus: ${passed}`,
      'athena: I was asked through 4 agents, and the limit is 3: a person has to take it from here.',
    ]);
  });

  it("tells a workflow's whole story in the thread it was asked in, whoever is killed meanwhile", async () => {
    await answers('Security for the morning briefing', { held: true, text: 'No CVE.' });
    await answers('Messages for the morning briefing', { held: true, text: 'Two letters.' });
    await answers('The world for the morning briefing', { failure: 'model_auth' });
    await answers('Write the morning briefing', { text: 'Answer the letters.' });
    const post = await person.say('@athena briefing');
    const security = await taskOf('perseus', 'Security for');
    const messages = await taskOf('hermes', 'Messages for');
    for (const { id } of [security, messages]) await until(id, 'running');

    for (const { process } of [fleet.control, fleet.agents.get('athena') ?? fleet.control])
      process.kill('SIGKILL');
    await letGo(2);

    await person.untilReply(post.id, /^Answer the letters\.$/, LONG.timeoutMs);
    const said = await thread(post.id);
    assert.equal(said.length, 4);
    assert.equal(said.at(-1), 'athena: Answer the letters.');
    for (const [agent, asked, told] of [
      ['perseus', 'Security', 'No CVE.'],
      ['hermes', 'Messages', 'Two letters.'],
      ['hermes', 'The world', 'It did not answer: failed (model_auth).'],
    ]) {
      const found = said.filter((each) =>
        each.startsWith(`athena: **${agent}**, asked by athena:\n> ${asked} for the morning briefing`),
      );
      assert.equal(found.length, 1, asked);
      assert.ok(found[0]?.endsWith(`\n\n${told}`), found[0]);
    }
    await person.untilReaction(post.id, 'white_check_mark');
  });
});
