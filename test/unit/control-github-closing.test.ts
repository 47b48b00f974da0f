import assert from 'node:assert/strict';
import { systemClock } from '#lib/clock.ts';
import { arrived, controlOver } from '#test/control-without-bus.ts';
import { BOB, commentOf, GITHUB, issueOf, type Patch, payloadOf } from '#test/github/payloads.ts';
import { heartbeatOf } from '#test/messages.ts';
import { tempDir } from '#test/temp-dir.ts';
import { tryAgain } from '../../src/control/admission/try-again.ts';
import { takeHappening } from '../../src/control/github/take.ts';
import { readEvent } from '../../src/control/github/webhook-events.ts';
import { Store } from '../../src/control/store/store.ts';

const WEB = 'control:gh:acme/web:7';

describe('a closing on GitHub', () => {
  it('ends what was asked before it, once, and nothing that somebody began anew after it', async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('github-closing'));
    const store = new Store({ stateDir: dir.path, clock: systemClock });
    stack.defer(() => store.stop());
    const { admission, heartbeat } = controlOver(store);
    await heartbeat(arrived('olympus.heartbeat.athena', heartbeatOf('athena', { concurrency: 1 })));
    async function take(event: string, action: string, patch: Patch): Promise<void> {
      const read = readEvent(GITHUB, event, JSON.stringify(payloadOf(event, action, patch)));
      if (read.kind !== 'happened') assert.fail(read.why);
      const options = { settings: GITHUB, admission };
      for (const each of read.happenings) await store.transaction((tx) => takeHappening(tx, options, each));
    }
    const say = (id: number, at: string) =>
      take('issue_comment', 'created', {
        issue: issueOf(),
        comment: commentOf('@athena mend it', { id, updated_at: at }),
      });
    const close = (at: string) =>
      take('issues', 'closed', { issue: issueOf({ state: 'closed', closed_at: at }), sender: BOB });
    const taskOf = async (key: string) =>
      (await store.read.tasks.byDedupKey(key)) ?? assert.fail(`there is no task ${key}`);
    const tryOnceMore = async (key: string) => {
      const task = await taskOf(key);
      await store.transaction((tx) => tryAgain(tx, admission, task, { by: 'ada', why: undefined }));
      return `control:retry:${task.id}`;
    };
    const stateOf = async (key: string) => (await taskOf(key)).state;

    await say(1, '2020-01-01T09:00:00Z'); // which the agent has, so that what is asked after it waits
    await say(2, '2020-01-01T10:00:00Z');
    await close('2020-01-01T11:00:00Z');
    assert.deepEqual(
      [await stateOf(`${WEB}:comment:1:athena`), await stateOf(`${WEB}:comment:2:athena`)],
      ['cancelling', 'cancelled'],
    );

    const retried = await tryOnceMore(`${WEB}:comment:2:athena`);
    await close('2020-01-01T11:00:00Z');
    assert.equal(await stateOf(retried), 'queued', 'told again of the closing that it began after');
    await close('2020-01-01T12:00:00Z');
    assert.equal(await stateOf(retried), 'queued', 'told late of another one that it began after');

    await close(new Date(Date.now() + 60_000).toISOString());
    assert.equal(await stateOf(retried), 'cancelled', 'it was closed after it was begun anew');
  });
});
