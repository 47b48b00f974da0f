import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MissionView, TaskView, WhyView } from '#core/api.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const FLEET = 'f1';
const SHIPPED = path.resolve(import.meta.dirname, '../../agents/workflows');
/** Who is played here, with the domain that each has. */
const AGENTS = { athena: 'planning', galahad: 'security', percival: 'comms', gawain: 'intel' } as const;
type Name = keyof typeof AGENTS;

function workflowFile(name: string, domains: readonly string[], join: string): string {
  const steps = domains.map(
    (domain) => `  - {id: ${domain}, domain: ${domain}, ask: What is new in ${domain}?}`,
  );
  return `name: ${name}\nlead: athena\nsteps:\n${steps.join('\n')}\njoin: ${join}\nsynthesise: Make one of them.\n`;
}

describe('a workflow', () => {
  let control: ControlOnBus;
  let dir: TempDir;
  const agents = new Map<Name, PlayedAgent>();
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('workflows');
    await cp(SHIPPED, dir.path, { recursive: true });
    const write = (name: string, domains: readonly string[], join: string) =>
      writeFile(path.join(dir.path, `${name}.yml`), workflowFile(name, domains, join));
    await write('hasty', ['security', 'comms'], '{deadline: 5s}');
    await write('either', ['security', 'comms'], '{deadline: 1h, need: at-least 1}');
    await writeFile(
      path.join(dir.path, 'nobody.yml'),
      workflowFile('nobody', ['security'], '{deadline: 1h}').replace('lead: athena', 'lead: zeus'),
    );
    await write('alone', ['security', 'alchemy'], '{deadline: 1h}');
    control = await startControlOnBus(FLEET, Object.keys(AGENTS), { OLYMPUS_WORKFLOWS_DIR: dir.path });
    ada = new Operator(control);
    for (const [name, domain] of Object.entries(AGENTS) as [Name, string][]) {
      const says = { domains: [domain], concurrency: 8 };
      agents.set(name, await PlayedAgent.join(control, FLEET, name, says));
    }
  });
  after(async () => {
    for (const agent of agents.values()) await agent[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  let ada: Operator;
  const cli = (...args: string[]) => ada.cli(...args);
  function played(name: Name): PlayedAgent {
    const agent = agents.get(name);
    assert.ok(agent);
    return agent;
  }
  /** The agent takes its next work up and answers. */
  async function answers(name: Name, summary: string) {
    const dispatch = await played(name).next();
    await played(name).succeed(dispatch, summary);
    return dispatch;
  }
  const show = (id: string) => ada.show(id);
  const untilState = (id: string, state: string) => ada.untilState(id, state);
  async function start(name: string, dedupKey?: string): Promise<MissionView> {
    const wanted = { by: 'ada', ...(dedupKey ? { dedupKey } : {}) };
    const { status, body } = await control.api<MissionView>('POST', `/v1/workflows/${name}/start`, wanted);
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  }

  it('asks its steps in parallel, and its lead for one answer of theirs', async function () {
    this.timeout(120_000);
    const ended = cli('workflow', 'start', 'briefing', '--follow');
    const [security, comms, intel] = await Promise.all([
      played('galahad').next(),
      played('percival').next(),
      played('gawain').next(),
    ]);
    assert.match(security.input.text, /vulnerabilities/);
    assert.equal(security.domain, 'security');
    const { parent = '' } = await show(security.taskId);
    const why = (await control.api<WhyView>('GET', `/v1/tasks/${parent}/why`)).body;
    assert.equal(why.state, 'blocked');
    assert.match(why.next, /at the latest at 20/);

    await played('galahad').succeed(security, 'Two CVEs.\nPatch nginx.');
    await played('percival').fail(comms, 'model_auth');
    await played('gawain').succeed(intel, 'Nothing of note.');
    const synthesis = await answers('athena', 'Good morning! Patch nginx.');

    assert.equal(synthesis.taskId, parent);
    assert.match(synthesis.input.text, /^Write the morning briefing/);
    assert.match(synthesis.input.text, /2 of the 3 that were asked have answered; missing: comms\./);
    assert.match(synthesis.input.text, /security \(galahad, task .*\):\n> Two CVEs\.\n> Patch nginx\.\n/);
    assert.match(
      synthesis.input.text,
      /comms \(percival, task .*\):\nIt did not answer: failed \(model_auth\)\./,
    );
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /security: galahad, task /);
    assert.match(stdout, /Good morning! Patch nginx\./);
    const shown = (await cli('task', 'show', parent)).stdout;
    assert.match(shown, /child +security: .* of galahad, completed/);
    assert.match((await cli('task', 'show', comms.taskId)).stdout, new RegExp(`parent +${parent}`));
  });

  it('is joined at its deadline with what there is, and says what is missing', async () => {
    const { task } = await start('hasty');
    await answers('galahad', 'All quiet.');
    const late = await played('percival').next();

    const synthesis = await answers('athena', 'One of two.');

    assert.equal(synthesis.taskId, task.id);
    assert.match(synthesis.input.text, /missing: comms\./);
    assert.match(synthesis.input.text, /It has not answered in time; it is released\./);
    await played('percival').succeed(late, 'Too late.');
    await untilState(late.taskId, 'completed');
    assert.equal((await show(task.id)).runs.length, 1, 'what comes late starts nothing');
  });

  it('is joined as soon as enough have answered', async () => {
    const { task } = await start('either');
    await answers('percival', 'Three letters.');

    assert.equal((await answers('athena', 'Done.')).taskId, task.id);
    await answers('galahad', 'Too late.');
  });

  it('goes on without a step that nobody here can do', async () => {
    const { task, children } = await start('alone');
    assert.deepEqual(
      children.map(({ label, agent, state, reason }) => [label, agent, state, reason]),
      [
        ['security', 'galahad', 'released', 'released to galahad'],
        ['alchemy', 'nobody', 'rejected', 'no_agent_for_domain'],
      ],
    );
    await answers('galahad', 'All quiet.');

    const synthesis = await answers('athena', 'No gold.');

    assert.equal(synthesis.taskId, task.id);
    assert.match(synthesis.input.text, /It did not answer: rejected \(No agent here has the domain/);
  });

  it('is cancelled with all that was asked for it', async () => {
    const { task, children } = await start('either');
    const out = [
      { agent: played('galahad'), dispatch: await played('galahad').next() },
      { agent: played('percival'), dispatch: await played('percival').next() },
    ];
    const { code, stderr } = await cli('task', 'cancel', task.id, '--why', 'enough');
    assert.equal(code, 0, stderr);

    for (const { id } of children) {
      const child = await untilState(id, 'cancelling');
      assert.match(
        child.reason ?? '',
        new RegExp(`cancelled by ada: task ${task.id}, for which it was, is cancelled`),
      );
    }
    assert.equal((await show(task.id)).state, 'cancelled');
    for (const { agent, dispatch } of out) await agent.fail(dispatch, 'cancelled');
    for (const { id } of children) await untilState(id, 'cancelled');
  });

  it('is tried again with all the time it had, and cancelled with what the first try asked for', async () => {
    const { task, children } = await start('hasty');
    const silent = [await played('galahad').next(), await played('percival').next()];
    const unanswered = await played('athena').next();
    assert.equal(unanswered.taskId, task.id, 'its five seconds are over');
    await played('athena').fail(unanswered, 'model_auth');
    await untilState(task.id, 'failed');

    const again = await ada.retry(task.id);
    assert.equal(again.state, 'blocked', 'it waits for them once more');
    await ada.cancel(again.id);

    for (const { id } of children) await untilState(id, 'cancelling');
    const [security, comms] = silent;
    assert.ok(security && comms);
    await played('galahad').fail(security, 'cancelled');
    await played('percival').fail(comms, 'cancelled');
  });

  it('is started anew, not tried again, when nothing of it was begun', async () => {
    const { task } = await start('nobody');
    assert.equal(task.state, 'rejected');

    const { code, stderr } = await cli('task', 'retry', task.id);

    assert.equal(code, 1);
    assert.match(stderr, /to lead the workflow nobody, of which nothing was begun; start that again/);
  });

  it('asks nobody twice and its lead once, wherever control is killed', async function () {
    this.timeout(240_000);
    const restart = async (): Promise<void> => {
      await control.kill();
      await control.start();
    };
    const count = async (): Promise<number> =>
      (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=500')).body.tasks.length;
    const before = await count();
    const first = await start('briefing', 'this morning');
    await restart();
    const again = await start('briefing', 'this morning');
    assert.deepEqual(
      again.children.map(({ id }) => id),
      first.children.map(({ id }) => id),
    );
    await answers('galahad', 'one');
    await restart();
    const two = await played('percival').next();
    await control.kill();
    await played('percival').succeed(two, 'two');
    await control.start();
    const three = await played('gawain').next();
    await played('gawain').succeed(three, 'three');
    await control.kill();
    await control.start();
    const synthesis = await played('athena').next();
    await restart();
    await played('athena').succeed(synthesis, 'whole');

    const { history, runs, children = [] } = await untilState(first.task.id, 'completed');
    assert.equal(runs.length, 1);
    assert.equal(history.filter(({ event }) => event === 'queue').length, 1);
    assert.equal(children.length, 3);
    for (const { id } of children) assert.equal((await show(id)).runs.length, 1);
    for (const answer of ['one', 'two', 'three'])
      assert.match(synthesis.input.text, new RegExp(`> ${answer}\n|> ${answer}$`));
    assert.equal(await count(), before + 4);
  });

  it('is listed, and one that is wrong says where', async () => {
    await writeFile(
      path.join(dir.path, 'wrong.yml'),
      workflowFile('wrong', ['security'], '{deadline: soon}'),
    );
    const listed = await cli('workflow', 'list');
    assert.equal(listed.code, 1);
    assert.match(listed.stdout, /briefing +athena +3\/3 +15 min/);
    assert.match(listed.stderr, /wrong\.yml:5:18: join\.deadline: write a number and s, m or h/);

    const started = await cli('workflow', 'start', 'wrong');
    assert.equal(started.code, 1);
    assert.match(started.stderr, /The workflow wrong cannot be used: .*wrong\.yml:5:18/);
    assert.match(
      (await cli('workflow', 'start', 'lunch')).stderr,
      /There is no workflow lunch; there is: alone, /,
    );
  });

  it('has keys of its own: the key of another starts it all the same', async () => {
    const either = await start('either', 'this evening');
    const alone = await start('alone', 'this evening');
    assert.deepEqual([either.workflow, alone.workflow], ['either', 'alone']);
    assert.equal((await start('alone', 'this evening')).id, alone.id);
  });
});
