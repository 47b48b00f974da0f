import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { z } from 'zod';
import type { ChatAccess } from '#core/chat-access.ts';
import { Delivery } from '#core/messages/delivery.ts';
import type { TaskCreate } from '#core/messages/task-create.ts';
import { systemClock } from '#lib/clock.ts';
import { newNonce } from '#lib/id.ts';
import { arrived, controlOver } from '#test/control-without-bus.ts';
import { chatRequestOf, heartbeatOf } from '#test/messages.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { tryAgain } from '../../src/control/admission/try-again.ts';
import { Store } from '../../src/control/store/store.ts';
import { retryTask } from '../../src/control/tasks/retry.ts';

const MINUTE_MS = 60_000;
const AGENTS = ['athena', 'apollo', 'artemis'] as const;
type Agent = (typeof AGENTS)[number];
type Requester = Partial<TaskCreate['data']['requester']>;

describe('a request that is refused', () => {
  let dir: TempDir;
  let store: Store;
  let control: ReturnType<typeof controlOver>;
  let now = 0;

  async function begin(
    access: z.input<typeof ChatAccess> = {},
    others: { perMinute?: number; workflows?: string } = {},
  ): Promise<void> {
    store = new Store({ stateDir: dir.path, clock: systemClock });
    control = controlOver(store, { access, ...others, now: () => now });
    for (const name of AGENTS) {
      const beat = heartbeatOf(name, { chat: { userId: `id-${name}`, username: name } });
      await control.heartbeat(arrived(`olympus.heartbeat.${name}`, beat));
    }
  }
  beforeEach(async () => {
    dir = await tempDir('refusals');
    now = Date.now();
  });
  afterEach(async () => {
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  /** What became of it: the state, or the code of the refusal. */
  async function ask(
    agent: string,
    requester: Requester,
    { thread = newNonce(), channel = 'town-square', text = 'look', depth = 1, through = agent } = {},
  ): Promise<string> {
    const { data, ...head } = chatRequestOf(agent, text, thread);
    const from = { ...data.requester, ...requester };
    const isBot = from.kind === 'bot';
    const asked = {
      ...head,
      ...(isBot ? { olympusdepth: depth } : {}),
      data: { ...data, channel, requester: from },
    };
    await control.request(arrived(`olympus.requests.${through}.task-create`, asked));
    const task = await store.read.tasks.byDedupKey(`${through}:${data.dedupKey}`);
    return task?.state === 'rejected' ? (task.reason ?? '') : 'admitted';
  }
  const bot = (name: Agent): Requester => ({ id: `id-${name}`, name, kind: 'bot' });
  /** What is said in chat of what was refused, each with its conversation. */
  function said(): { in: string; text: string | undefined }[] {
    const file = new DatabaseSync(path.join(dir.path, 'control.sqlite'), { readOnly: true });
    const rows = file
      .prepare("SELECT body FROM outbox WHERE subject LIKE '%.deliveries.%' ORDER BY id")
      .all();
    file.close();
    return rows
      .map((row) => Delivery.schema.parse(JSON.parse(String(row['body']))).data)
      .filter(({ state }) => state === 'rejected')
      .map(({ conversation, text }) => ({ in: conversation.id, text }));
  }

  describe('because two agents have talked enough', () => {
    it('ends a loop of one message every ten minutes, across a restart, and lets others go on', async () => {
      await begin();
      const answers: string[] = [];
      const thread = newNonce();
      for (let turn = 0; turn < 40; turn++) {
        // As if nobody had counted the hops: each of them is the first.
        const [from, to] = turn % 2 === 0 ? (['athena', 'apollo'] as const) : (['apollo', 'athena'] as const);
        if (turn === 20) {
          await store.stop();
          await begin();
        }
        answers.push(await ask(to, bot(from), { thread: turn % 3 === 0 ? thread : newNonce() }));
        now += 10 * MINUTE_MS;
      }

      assert.deepEqual(
        answers.slice(0, 30),
        Array.from({ length: 30 }, () => 'admitted'),
      );
      assert.deepEqual(
        answers.slice(30),
        Array.from({ length: 10 }, () => 'pair_limit'),
      );
      assert.match(
        said()[0]?.text ?? '',
        /^`\w+` and I have asked each other 30 times within a day, and the limit is 30: a person has to take it from here\.$/,
      );
      assert.equal(await ask('artemis', bot('athena')), 'admitted');
      assert.equal(await ask('apollo', { standing: 'member' }), 'admitted', 'a person');

      now += (24 * 60 - 400) * MINUTE_MS;
      assert.equal(await ask('apollo', bot('athena')), 'pair_limit');
      now += 20 * MINUTE_MS;
      assert.equal(await ask('apollo', bot('athena')), 'admitted', 'a day after the first of them');
    });

    it('lets a person have it tried again, which counts for nothing, as little as a request for oneself counts twice', async () => {
      await begin();
      for (let turn = 0; turn < 30; turn++) assert.equal(await ask('apollo', bot('athena')), 'admitted');
      now += MINUTE_MS;
      const thread = newNonce();
      assert.equal(await ask('apollo', bot('athena'), { thread }), 'pair_limit');
      const [refused] = await store.read.tasks.ofConversation(`mm-${thread}`, 1);
      assert.ok(refused);

      const again = await store.transaction((tx) =>
        tryAgain(tx, control.admission, refused, { by: 'ada', why: undefined }),
      );

      assert.ok(again.kind === 'tried' && again.task.id !== refused.id && again.task.state !== 'rejected');
      const inChat = (name: Agent) => ({ name, account: `id-${name}` });
      assert.equal(await store.read.talk.between(inChat('apollo'), inChat('athena'), 0), 30);
      assert.equal(await store.read.talk.withoutPerson(`mm-${thread}`, 0), 0);
      for (let turn = 0; turn < 3; turn++) assert.equal(await ask('athena', bot('athena')), 'admitted');
      assert.equal(await store.read.talk.between(inChat('athena'), inChat('athena'), 0), 3);
    });

    it('ends what goes round among more of them in a thread, until a person asks there', async () => {
      await begin();
      const thread = newNonce();
      const round = ['athena', 'apollo', 'artemis', 'athena'] as const;
      const answers: string[] = [];
      for (let turn = 0; turn < 42; turn++) {
        const [from, to] = [round[turn % 3], round[(turn % 3) + 1]];
        if (from && to) answers.push(await ask(to, bot(from), { thread }));
        now += MINUTE_MS;
      }

      assert.equal(answers.indexOf('no_person'), 40);
      assert.equal(await ask('athena', bot('apollo')), 'admitted', 'elsewhere');
      assert.equal(await ask('athena', { standing: 'member' }, { thread }), 'admitted');
      now += 1;
      assert.equal(await ask('apollo', bot('athena'), { thread }), 'admitted');
    });

    it('counts the hops before that, and says none of it twice in one thread', async () => {
      await begin();
      const thread = newNonce();

      assert.equal(await ask('apollo', bot('athena'), { thread, depth: 4 }), 'too_deep');
      assert.equal(await ask('apollo', bot('athena'), { thread, depth: 1000 }), 'too_deep');
      assert.deepEqual(
        said().map(({ text }) => text !== undefined),
        [true, false],
      );
    });
  });

  describe('because the person may not ask there', () => {
    const LISTS = {
      channels: { leads: { users: ['ada'], roles: ['system_admin'] } },
      direct: { users: [] },
    } satisfies z.input<typeof ChatAccess>;
    const BOB: Requester = { id: 'u-bob', name: 'bob', standing: 'member', roles: ['system_user'] };

    it('says so once in the thread, and again after a day, but for those who may it is a task', async () => {
      await begin(LISTS);
      const thread = newNonce();
      const leads = { thread, channel: 'leads' };

      assert.equal(await ask('athena', BOB, leads), 'not_on_list');
      assert.equal(await ask('athena', BOB, leads), 'not_on_list');
      now += 25 * 60 * MINUTE_MS;
      assert.equal(await ask('athena', BOB, leads), 'not_on_list');

      const sentence = 'You are not among those who may give me work in this channel.';
      assert.deepEqual(
        said().map(({ text }) => text),
        [sentence, undefined, sentence],
      );
      assert.equal(await ask('athena', BOB), 'admitted', 'in another channel');
      assert.equal(await ask('athena', { ...BOB, name: 'ada' }, leads), 'admitted');
      assert.equal(await ask('athena', { ...BOB, roles: ['system_admin'] }, leads), 'admitted');
      assert.equal(await ask('apollo', bot('athena'), leads), 'admitted', 'agents go by what they may');
    });

    it('says so to guests and to who was deactivated', async () => {
      await begin();

      assert.equal(await ask('athena', { ...BOB, standing: 'guest' }), 'account_standing');
      assert.equal(await ask('athena', { ...BOB, standing: 'deactivated' }), 'account_standing');
      assert.deepEqual(
        said().map(({ text }) => text),
        ['I take no work from a guest account.', 'I take no work from a deactivated account.'],
      );
    });

    it('is not tried again', async () => {
      await begin();
      const thread = newNonce();
      await ask('athena', { ...BOB, standing: 'guest' }, { thread });
      const [task] = await store.read.tasks.ofConversation(`mm-${thread}`, 1);
      assert.ok(task);

      const again = await store.transaction((tx) =>
        retryTask(tx, control.context, task, { by: 'chat:bob', deadlineMs: 1 }),
      );

      assert.ok(
        again.kind === 'refused' && /may not do so there/.test(again.sentence),
        JSON.stringify(again),
      );
    });
  });

  describe('of a person who may not ask there, whatever else is wrong with it', () => {
    const NOBODY = { others: { users: [] } } satisfies z.input<typeof ChatAccess>;
    const BOB: Requester = { id: 'u-bob', name: 'bob', standing: 'member' };

    it('is refused for that, so that a flood and a retry after it let nobody in', async () => {
      await begin(NOBODY, { perMinute: 1 });
      const thread = newNonce();
      const answers: string[] = [];
      for (const _time of [1, 2, 3]) answers.push(await ask('athena', BOB, { thread }));
      assert.deepEqual(answers, ['not_on_list', 'not_on_list', 'not_on_list']);
      now += 2 * MINUTE_MS;

      for (const task of await store.read.tasks.ofConversation(`mm-${thread}`, 3)) {
        const again = await store.transaction((tx) =>
          tryAgain(tx, control.admission, task, { by: 'chat:bob', why: undefined }),
        );
        assert.equal(again.kind, 'refused');
      }
    });

    it('is refused for that where it names a workflow whose file is broken', async () => {
      const workflows = path.join(dir.path, 'workflows');
      await mkdir(workflows);
      await writeFile(path.join(workflows, 'briefing.yml'), 'lead: [');
      await begin(NOBODY, { workflows });

      assert.equal(await ask('athena', BOB, { text: 'briefing' }), 'not_on_list');
      await store.stop();
      await begin({}, { workflows });
      assert.equal(await ask('athena', BOB, { text: 'briefing' }), 'workflow_broken');
    });
  });

  it('mentions nobody, or it would be work for them', async () => {
    await begin();
    const foreign = { id: 'x', name: 'weather`bot` @apollo', kind: 'bot' } as const;

    assert.equal(await ask('zeus', {}, { through: 'athena' }), 'unknown_agent');
    assert.equal(await ask('zeus` @apollo', {}, { through: 'athena' }), 'unknown_agent');
    assert.equal(await ask('athena', foreign), 'foreign_bot');

    assert.deepEqual(
      said().map(({ text }) => text),
      [
        'There is no agent called `@zeus` here. I know `@apollo`, `@artemis`, `@athena`.',
        "There is no agent called `@zeus' @apollo` here. I know `@apollo`, `@artemis`, `@athena`.",
        "I take work from people and from agents of this fleet; `weather'bot' @apollo` is neither.",
      ],
    );
  });

  it('asks what is needed when nothing of it can be seen', async () => {
    await begin();

    for (const text of ['', ' \t', '\u200b\u2060', '\u202e \u202c'])
      assert.equal(await ask('athena', {}, { text }), 'empty_input', JSON.stringify(text));
  });

  it('has the name of who asked as it reads, without what turns it round or hides in it', async () => {
    await begin();
    const thread = newNonce();
    await ask(
      'athena',
      { name: '\u202eada\u202c\u200b \u0000of\u2066\nthe `hill`', standing: 'member' },
      { thread },
    );

    const [task] = await store.read.tasks.ofConversation(`mm-${thread}`, 1);

    assert.equal(task?.requester.name, "ada of the 'hill'");
  });
});
