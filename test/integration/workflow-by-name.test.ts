import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AuditView, TaskView } from '#core/api.ts';
import type { TrustLabel } from '#core/envelope.ts';
import type { Delivery } from '#core/messages/delivery.ts';
import type { TaskCreate } from '#core/messages/task-create.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const FLEET = 'f1';
const NEWS = `name: news
lead: athena
steps: [{id: security, domain: security, ask: What is new in security?}]
join: {deadline: 1h}
synthesise: Make one of them.
`;

describe('a workflow that a person asks its lead for by name', () => {
  let control: ControlOnBus;
  let dir: TempDir;
  let athena: AskingAgent;
  let galahad: PlayedAgent;
  let ada: Operator;
  before(async function () {
    this.timeout(120_000);
    dir = await tempDir('workflows');
    await writeFile(path.join(dir.path, 'news.yml'), NEWS);
    control = await startControlOnBus(FLEET, ['athena', 'galahad'], { OLYMPUS_WORKFLOWS_DIR: dir.path });
    ada = new Operator(control);
    athena = await AskingAgent.join(control, FLEET, 'athena');
    galahad = await PlayedAgent.join(control, FLEET, 'galahad', { domains: ['security'], concurrency: 8 });
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await galahad?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** What a person writes to an agent, as athena's daemon hands it in. */
  async function say(request: TaskCreate, olympustrust?: TrustLabel): Promise<void> {
    const trust = olympustrust ? { olympustrust } : {};
    await athena.publish('requests.athena.task-create', { ...request, ...trust });
  }
  const count = async (): Promise<number> =>
    (await control.api<{ tasks: TaskView[] }>('GET', '/v1/tasks?limit=500')).body.tasks.length;

  it('is asked of the others and answered in the thread, once, however often it is delivered', async () => {
    const request = chatRequestOf('athena', ' News ');
    await say(request);
    const lead = await ada.taskOf('Make one of them.');
    await say(request);

    const step = await galahad.next();
    await galahad.succeed(step, 'Two CVEs.');
    const { data: synthesis } = await athena.takeRun(lead.id);
    await athena.succeed(synthesis, 'Patch nginx.');

    assert.equal(step.input.text, 'What is new in security?');
    assert.match(synthesis.input.text, /^Make one of them\./);
    assert.match(synthesis.input.text, /> Two CVEs\./);
    const said = await athena.hearSaid(lead.id, /Patch nginx\./);
    assert.deepEqual(said.conversation, request.data.conversation);
    await say(request);
    await athena.hear(
      'once more that it is answered',
      (told): told is Delivery['data'] => !('text' in told) && 'state' in told && told.state === 'completed',
    );
    assert.equal(await count(), 2);
    const { body } = await control.api<{ records: AuditView[] }>('GET', '/v1/audit?limit=200');
    const started = body.records.filter(({ entity }) => entity === 'mission');
    assert.deepEqual(
      started.map(({ who, what }) => [who, what]),
      [['agent/athena', 'start']],
    );
  });

  it('is a task like any other in a sentence, for another agent, and from outside', async () => {
    await say(chatRequestOf('athena', 'news please'));
    await say(chatRequestOf('galahad', 'news'));
    await say(chatRequestOf('athena', 'NEWS'), 'external');

    assert.equal((await ada.taskOf('news please')).agent, 'athena');
    assert.equal((await ada.taskOf('news')).agent, 'galahad');
    assert.equal((await ada.taskOf('NEWS')).state, 'awaiting_approval');
  });

  it('is refused with a sentence while its file has a mistake', async () => {
    const file = path.join(dir.path, 'digest.yml');
    const digest = NEWS.replace('news', 'digest').replace('one of them', 'a digest');
    await writeFile(file, digest.replace('1h', 'soon'));
    await say(chatRequestOf('athena', 'digest'));
    const refused = await ada.taskOf('digest');
    assert.equal(refused.reason, 'workflow_broken');
    await athena.hearSaid(
      refused.id,
      /I cannot start digest: its file has a mistake\. `olympus workflow list`/,
    );

    await writeFile(file, digest);
    await say(chatRequestOf('athena', 'digest'));
    assert.equal((await ada.taskOf('Make a digest.')).state, 'blocked');
  });
});
