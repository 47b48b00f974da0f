import assert from 'node:assert/strict';
import { Policies } from '#core/policy.ts';
import { systemClock } from '#lib/clock.ts';
import { arrived, controlOver } from '#test/control-without-bus.ts';
import { chatRequestOf, heartbeatOf } from '#test/messages.ts';
import { tempDir } from '#test/temp-dir.ts';
import { openApproval } from '../../src/control/approvals/open.ts';
import { obey } from '../../src/control/chat/obey.ts';
import { Store } from '../../src/control/store/store.ts';

const POLICIES = Policies.parse({ gates: [{ name: 'production', kinds: ['deploy.*'], approvals: 2 }] });

describe('an approval in chat that waits for others as well', () => {
  it('says how many there are, and nothing of what an agent wrote', async () => {
    await using dir = await tempDir('chat-pending');
    const store = new Store({ stateDir: dir.path, clock: systemClock });
    const control = controlOver(store);
    await control.heartbeat(arrived('olympus.heartbeat.athena', heartbeatOf('athena')));
    const request = chatRequestOf('athena', 'deploy it');
    await control.request(arrived('olympus.requests.athena.task-create', request));
    const task = await store.read.tasks.byDedupKey(`athena:${request.data.dedupKey}`);
    assert.ok(task?.conversation);
    const elsewhere = { ...task.conversation, id: 'mm-other', channelId: 'c2', rootId: 'p2', postId: 'p2' };
    const caller = { name: 'ada', scopes: ['decide'], agent: undefined };

    const told = await store.transaction(async (tx) => {
      const context = { ...control.context, policies: POLICIES };
      await openApproval(tx, context, task, {
        dedupKey: 'k',
        hash: 'h',
        asks: { action: { kind: 'deploy.secret-project', target: 'web-1', params: {} } },
        summary: 'put the secret there',
        actor: 'agent/athena',
        askedBy: 'athena',
        runId: 'r1',
        waitMs: 60_000,
      });
      const [approval] = await tx.approvals.ofTask(task.id);
      assert.ok(approval);
      const text = await obey(tx, control.admission, {
        command: { verb: 'approve', target: approval.id, rest: '' },
        speaker: { id: 'u-ada', name: 'ada', caller },
        conversation: elsewhere,
        saidAt: Date.now() + 1000,
      });
      return { text, id: approval.id };
    });

    assert.equal(told.text, `\`${told.id}\`: **pending**, 1 of 2 approvals.`);
    await store.stop();
  });
});
