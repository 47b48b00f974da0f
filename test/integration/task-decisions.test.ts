import assert from 'node:assert/strict';
import type { TaskDetail, TaskView, WhyView } from '#core/api.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import type { TaskCreate } from '#core/messages/task-create.ts';
import { newId } from '#lib/id.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatRequestOf, heartbeatOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe("a person's say in the work", () => {
  let control: ControlOnBus;
  let athena: BusClient;
  /** What athena was told to end. */
  const told: string[] = [];
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo', 'hermes']);
    athena = await control.connect('athena');
    await athena.request(`${FLEET}.heartbeat.athena`, JSON.stringify(heartbeatOf('athena')));
    await waitFor(
      'athena to be known',
      async () => (await control.api('GET', '/v1/agents/athena')).status === 200,
    );
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  const ada = () => new Operator(control);
  const cli = (...args: string[]) => ada().cli(...args);
  const show = (id: string) => ada().show(id);
  const untilState = (id: string, state: string) => ada().untilState(id, state);
  const why = async (id: string): Promise<WhyView> => {
    const { code, stdout, stderr } = await cli('task', 'why', id, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as WhyView;
  };
  async function create(text: string): Promise<string> {
    const { code, stdout, stderr } = await cli('task', 'create', 'athena', text);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }
  async function tell(
    task: TaskDetail,
    event: string,
    { detail, times = 1 }: { readonly detail?: string; readonly times?: number } = {},
  ): Promise<void> {
    const run = task.runs.at(-1);
    assert.ok(run);
    const data = {
      taskId: task.id,
      runId: run.id,
      epoch: run.epoch,
      agent: 'athena',
      event,
      ...(detail ? { detail } : {}),
    };
    const head = {
      id: newId(Date.now()),
      source: '/test',
      subject: `run/${run.id}`,
      time: new Date().toISOString(),
    };
    const message = RunEventMessage.create(head, data);
    for (let time = 0; time < times; time += 1)
      await athena.request(`${FLEET}.runs.athena.${run.id}.${event}`, JSON.stringify(message));
  }

  it('makes a task, once for each key', async () => {
    const first = await cli('task', 'create', '@athena', 'water the plants', '--key', 'plants', '--json');
    const second = await cli('task', 'create', '@athena', 'water the plants', '--key', 'plants', '--json');

    const made = JSON.parse(first.stdout) as TaskView;
    assert.equal(made.requester, 'ada');
    assert.equal((JSON.parse(second.stdout) as TaskView).id, made.id);
    const other = await cli('task', 'create', 'athena', 'cut the plants down', '--key', 'plants');
    assert.equal(other.code, 1);
    assert.match(other.stderr, new RegExp(`was used for another task, ${made.id}: take a new one`));
    const released = await untilState(made.id, 'released');
    assert.equal(released.text, 'water the plants');
    assert.match((await why(made.id)).reason, /on the bus for athena/);
  });

  it('says why a request was refused, and fails', async () => {
    const { code, stderr } = await cli('task', 'create', 'zeus', 'thunder');

    assert.equal(code, 1);
    assert.match(stderr, /refused \(unknown_agent\)/);
  });

  it('says what whoever asked by the command can do, not what an author in chat was told', async () => {
    const refused = async (sentence: RegExp, ...args: string[]): Promise<void> => {
      const { code, stderr } = await cli(...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, sentence);
    };
    await refused(/The text is empty\.[\s\S]*Write what is to be done/, 'task', 'create', 'athena', '');
    await refused(/no dead letter 99[\s\S]*olympus dlq list/, 'dlq', 'show', '99');
  });

  it('takes what agents pass on to one another up to its depth, and refuses what went deeper', async () => {
    const chat = { userId: 'bot-apollo', username: 'apollo' };
    await using apollo = await AskingAgent.join(control, FLEET, 'apollo', { chat });
    const passOn = async (text: string, depth: number): Promise<TaskView> => {
      const { data, ...head } = chatRequestOf('apollo', text);
      const requester = { id: chat.userId, name: 'apollo', kind: 'bot' } as const;
      const request: TaskCreate = { ...head, olympusdepth: depth, data: { ...data, requester } };
      await apollo.publish('requests.apollo.task-create', request);
      return ada().taskOf(text);
    };

    const deepest = await passOn('once more', 3);
    const { id, state, reason } = await passOn('and once more', 4);

    assert.deepEqual([state, reason], ['rejected', 'too_deep']);
    const said = await apollo.hearSaid(id, /./);
    assert.deepEqual(
      [said.state, said.text],
      ['rejected', 'I was asked through 4 agents, and the limit is 3: a person has to take it from here.'],
    );
    assert.match((await why(id)).reason, /asked one another more often/);
    await apollo.succeed((await apollo.takeRun(deepest.id)).data, 'done');
    await untilState(deepest.id, 'completed');
  });

  it('tells whose turn it is, and ends at once what no agent has', async () => {
    const id = await create('wait your turn');
    const waiting = await waitFor('it to wait for a place', async () => {
      const answer = await why(id);
      return /1 of the 1 tasks/.test(answer.reason) && answer;
    });
    assert.equal(waiting.owner, 'agent');

    const { code, stderr } = await cli('task', 'cancel', id, '--why', 'it rains');

    assert.equal(code, 0, stderr);
    const task = await show(id);
    assert.equal(task.state, 'cancelled');
    assert.equal(task.reason, 'cancelled by ada: it rains');
    assert.equal((await why(id)).owner, 'nobody');
    const again = await cli('task', 'cancel', id);
    assert.equal(again.code, 0, 'cancelling twice changes nothing');
  });

  it('finds in the history, once, what an agent tells of a run that does not get on', async () => {
    const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=released');
    const [task] = body.tasks;
    assert.ok(task);
    await tell(await show(task.id), 'stuck', { detail: 'the same call failed 4 times', times: 2 });
    await tell(await show(task.id), 'unstopped', { detail: 'its gateway is being restarted' });

    const { history } = await waitFor('both to be noted', async () => {
      const now = await show(task.id);
      return now.history.some(({ event }) => event === 'unstopped') && now;
    });
    assert.deepEqual(
      history.slice(-2).map(({ who, event, state, reason }) => [who, event, state, reason]),
      [
        ['agent/athena', 'stuck', 'released', 'the same call failed 4 times'],
        ['agent/athena', 'unstopped', 'released', 'its gateway is being restarted'],
      ],
    );
    assert.equal(history.filter(({ event }) => event === 'stuck').length, 1);
  });

  it('has the agent stop what it is at, and asks until it has', async () => {
    const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?state=released');
    const [task] = body.tasks;
    assert.ok(task);
    await tell(await show(task.id), 'started');
    await untilState(task.id, 'running');

    const { code, stderr } = await cli('task', 'cancel', task.id);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /as soon as athena has stopped/);
    assert.equal((await why(task.id)).owner, 'agent');
    // Nobody listened the first time.
    serveCancel();
    await waitFor('athena to be told', () => told.length > 0, { timeoutMs: 30_000 });
    assert.equal(told[0], (await show(task.id)).runs.at(-1)?.id);
    await tell(await show(task.id), 'discarded');

    assert.equal((await untilState(task.id, 'cancelled')).reason, 'cancelled by ada');
    const over = await cli('task', 'retry', (await released('not over')).id);
    assert.equal(over.code, 1);
    assert.match(over.stderr, /is not tried again: it has not ended/);
  }).timeout(120_000);

  it('asks again, as a new task, for what has ended without success', async () => {
    const id = await create('try, and try again');
    await cli('task', 'cancel', id);

    const { code, stdout, stderr } = await cli('task', 'retry', id, '--why', 'it was the net', '--json');

    assert.equal(code, 0, stderr);
    const again = JSON.parse(stdout) as TaskView;
    const [admitted] = (await show(again.id)).history;
    assert.deepEqual(
      [admitted?.event, admitted?.who, admitted?.reason],
      ['admit', 'person/ada', 'tried again: it was the net'],
    );
    assert.notEqual(again.id, id);
    assert.equal(again.text, 'try, and try again');
    assert.equal(again.requester, 'ada');
    const twice = JSON.parse((await cli('task', 'retry', id, '--json')).stdout) as TaskView;
    assert.equal(twice.id, again.id, 'retried twice it is one task');
    await cli('task', 'cancel', again.id);
    const third = JSON.parse((await cli('task', 'retry', id, '--json')).stdout) as TaskView;
    assert.ok(third.id !== id && third.id !== again.id, 'the second try has ended too');
  });

  it('is followed to its end, also over a restart of the control plane', async () => {
    const id = await create('follow me');
    const { child, ended } = new CliCaller(control.stateDir).start(['task', 'follow', id], {
      OLYMPUS_API_URL: control.url,
      OLYMPUS_API_TOKEN: control.token,
    });
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
    });
    await waitFor('the first changes', () => /queue .*→ queued/.test(seen), { timeoutMs: 30_000 });

    await control.kill();
    await control.start();
    await cli('task', 'cancel', id, '--why', 'enough');

    const { code } = await ended;
    assert.equal(code, 1, 'it was not completed');
    assert.match(seen, /admit +→ admitted {2}person\/ada: asked by ada\n/);
    assert.match(seen, /cancel +→ cancelled {2}person\/ada: cancelled by ada: enough/);
    assert.equal(seen.match(/→ queued/g)?.length, 1, 'each change once');
  });

  it('takes what is to be done from standard input, and follows it', async () => {
    const settings = { OLYMPUS_API_URL: control.url, OLYMPUS_API_TOKEN: control.token, USER: 'ada' };
    const ended = new CliCaller(control.stateDir).run(
      ['task', 'create', 'athena', '-', '--follow'],
      settings,
      'two\nlines\n',
    );
    const taken = async () => {
      const { body } = await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks');
      return body.tasks.find(({ text }) => text === 'two\nlines');
    };
    const task = await waitFor('the task', taken, { timeoutMs: 20_000 });
    await ada().cancel(task.id);

    const { code, stdout, stderr } = await ended;
    assert.equal(code, 1, 'it was not completed');
    assert.match(stdout, /admit +→ admitted[\s\S]*cancel +→ cancelled/);
    assert.match(stderr, new RegExp(task.id));
  });

  function serveCancel(): void {
    athena.connection.subscribe(`${FLEET}.control.athena.cancel`, {
      callback: (_error, message) => {
        told.push(message.json<{ data: { runId: string } }>().data.runId);
        message.respond('{"ok":true}');
      },
    });
  }

  /** A task that is out with athena. */
  async function released(text: string): Promise<TaskDetail> {
    const id = await create(text);
    return untilState(id, 'released');
  }

  it('has an agent take work only from agents that may hand it on', async () => {
    const chat = { userId: 'bot-hermes', username: 'hermes' };
    await using hermes = await AskingAgent.join(control, FLEET, 'hermes', { chat, delegatesTo: ['apollo'] });
    const { data, ...head } = chatRequestOf('hermes', 'do it for me');
    const requester = { id: chat.userId, name: 'hermes', kind: 'bot' } as const;
    const passOn = (agent: string, text: string): Promise<void> =>
      hermes.publish('requests.hermes.task-create', {
        ...head,
        data: { ...data, dedupKey: text, agent, text, requester },
      });

    await passOn('athena', 'do it for me');
    await passOn('apollo', 'or you');

    const { id, state, reason } = await ada().taskOf('do it for me');
    assert.deepEqual([state, reason], ['rejected', 'not_delegated']);
    await hermes.hearSaid(
      id,
      /no work from `hermes`: its manifest does not have athena under `delegates_to`/,
    );
    assert.equal((await ada().taskOf('or you')).state, 'released');
  });
});
