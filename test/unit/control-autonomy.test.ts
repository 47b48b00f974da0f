import assert from 'node:assert/strict';
import { approvalOf } from '#test/asking-messages.ts';
import { arrived } from '#test/control-without-bus.ts';
import { Delegating } from '#test/delegating.ts';
import { BOB, GITHUB, issueOf, MALLORY, payloadOf } from '#test/github/payloads.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { type Asked, admit } from '../../src/control/admission/admission.ts';
import { tryAgain } from '../../src/control/admission/try-again.ts';
import type { Happening } from '../../src/control/github/happening.ts';
import { takeHappening } from '../../src/control/github/take.ts';
import { readEvent } from '../../src/control/github/webhook-events.ts';
import type { TaskRecord } from '../../src/control/store/records.ts';

const PERSON = { id: 'u1', name: 'ada', kind: 'human' } as const;
const FOR_BOTS = 'github.pr-open';
const FOR_MEMBERS = 'github.issue-create';

describe('what an agent may do by itself', () => {
  let dir: TempDir;
  let fleet: Delegating;
  before(async () => {
    dir = await tempDir('autonomy');
    const autonomy = [
      { kinds: [FOR_BOTS], level: 'do', trust: 'bot' },
      { kinds: [FOR_MEMBERS], level: 'do' },
    ] as const;
    const policies = { gates: [], autonomy: autonomy.map((each) => ({ ...each, kinds: [...each.kinds] })) };
    fleet = new Delegating(dir.path, { policies });
    for (const name of ['athena', 'apollo']) await fleet.join(name);
    await fleet.join('zeus', { role: 'lead' });
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** A task of athena in a person's words, perhaps with what was said before them. */
  function asked(text: string, context?: string, more: Partial<Asked> = {}): Promise<TaskRecord> {
    const request = {
      dedupKey: text,
      agent: 'athena',
      text,
      requester: PERSON,
      ...(context ? { context } : {}),
    };
    const whole = { author: 'athena', by: 'agent/athena', depth: 0, request, ...more } as const;
    return fleet.store.transaction((tx) => admit(tx, fleet.control.admission, whole));
  }
  const askedInThread = (text: string) => asked(text, '> mallory: open what I want');
  /** A task of athena that is given what a colleague answered. */
  async function answeredBy(needed: TaskRecord): Promise<TaskRecord> {
    const wait = { after: [{ id: needed.id }], whenItFails: 'fail', brings: true } as const;
    const { id } = await asked(`after ${needed.id}`, undefined, { wait });
    await fleet.succeed(needed, 'done');
    return fleet.now(id);
  }
  async function piece(parent: TaskRecord): Promise<TaskRecord> {
    return fleet.child(await fleet.run(parent), 'apollo', `for ${parent.id}`);
  }
  async function onGithub(happening: Happening, key: string): Promise<TaskRecord> {
    const options = { settings: GITHUB, admission: fleet.control.admission };
    await fleet.store.transaction((tx) => takeHappening(tx, options, happening));
    return (await fleet.store.read.tasks.byDedupKey(`control:gh:acme/web:${key}`)) ?? assert.fail(key);
  }
  function given(number: number, author: object): Promise<TaskRecord> {
    const labels = [{ name: 'agent:athena' }];
    const issue = issueOf({
      number,
      labels,
      user: author,
      author_association: author === BOB ? 'MEMBER' : 'NONE',
    });
    const read = readEvent(
      GITHUB,
      'issues',
      JSON.stringify(payloadOf('issues', 'labeled', { issue, sender: BOB })),
    );
    const [happening] = read.kind === 'happened' ? read.happenings : [];
    return onGithub(happening ?? assert.fail('nothing happened'), `${number}:given:athena`);
  }
  /** What becomes of an action that bots may have done, and of one that members may. */
  async function become(task: TaskRecord): Promise<string[]> {
    const run = await fleet.run(task);
    for (const kind of [FOR_BOTS, FOR_MEMBERS]) {
      const action = { kind, target: 'acme/web', params: {} };
      const message = approvalOf({ id: task.id, runId: run.id }, { action });
      await fleet.control.decision(arrived(`olympus.requests.${task.agent}.approval`, message));
    }
    return (await fleet.store.read.approvals.ofTask(task.id)).map(({ state }) => state);
  }
  const CHECK: Happening = {
    kind: 'check-failed',
    ...{ repo: 'acme/web', number: 8, at: Date.now(), branch: 'agent/apollo/7-roof' },
    ...{ headSha: 'abc123', name: 'test', url: 'https://github.com/acme/web/pull/8' },
  };
  const ALL = ['approved', 'approved'];
  const OF_BOTS = ['approved', 'pending'];
  const NONE = ['pending', 'pending'];

  it('goes by who asks, and by what was said before where that came along', async () => {
    assert.deepEqual(await become(await asked('open it')), ALL);
    assert.deepEqual(await become(await askedInThread('open it there')), NONE);
  });

  it('goes for what a colleague asks by what that one was told', async () => {
    assert.deepEqual(await become(await piece(await asked('have it opened'))), OF_BOTS);
    assert.deepEqual(await become(await piece(await askedInThread('have it opened there'))), NONE);
  });

  it('goes for what is given the answers of colleagues by what those were told', async () => {
    assert.deepEqual(await become(await answeredBy(await asked('look first'))), OF_BOTS);
    assert.deepEqual(await become(await answeredBy(await askedInThread('look there first'))), NONE);
    assert.deepEqual(
      await become(await answeredBy(await answeredBy(await askedInThread('look twice')))),
      NONE,
    );
  });

  it('goes for what GitHub asks by whose words those are, also when it is tried again', async () => {
    assert.deepEqual(await become(await given(11, BOB)), ALL);
    assert.deepEqual(await become(await given(12, MALLORY)), NONE);
    const check = await onGithub(CHECK, '8:check-failed:abc123:apollo');
    assert.deepEqual(await become(check), OF_BOTS);
    await fleet.fail(check, 'invalid_input');
    const tried = await fleet.store.transaction(async (tx) => {
      const task = (await tx.tasks.byId(check.id)) ?? assert.fail('it is gone');
      return tryAgain(tx, fleet.control.admission, task, { by: 'ada', why: undefined });
    });
    assert.deepEqual(await become(tried.task), OF_BOTS);
  });

  it('goes for what a lead is to take up by what was told before, and by what the agent said of it', async () => {
    const givenUp = async (task: TaskRecord): Promise<TaskRecord> => {
      await fleet.fail(task, 'stuck_loop');
      const taken = await fleet.store.read.tasks.byDedupKey(`control:escalate:${task.id}`);
      return taken ?? assert.fail('the lead was not asked');
    };
    assert.deepEqual(await become(await givenUp(await asked('go round in circles'))), OF_BOTS);
    assert.deepEqual(await become(await givenUp(await askedInThread('go round there'))), NONE);
  });
});
