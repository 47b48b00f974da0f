import assert from 'node:assert/strict';
import { parseMessage } from '#core/envelope.ts';
import { AccountQuestion } from '#core/messages/account-question.ts';
import { subjectsOf } from '#core/subjects.ts';
import { createLogger } from '#lib/log.ts';
import { ManualClock } from '#test/manual-clock.ts';
import { waitFor } from '#test/wait.ts';
import { standingHandler } from '../../src/agent/parts/standing.ts';
import { refusalByStanding } from '../../src/control/chat/standing.ts';

const GUEST = { id: 'u-1', username: 'gus', is_bot: false, roles: 'system_guest', delete_at: 0 };

describe('how an account stands whose press is to count', () => {
  const clock = new ManualClock();
  /** What the bus does with a question of control's. */
  let answer: (subject: string, body: Uint8Array) => Promise<string>;
  const refusal = refusalByStanding({
    context: { fleet: 'f1', subjects: subjectsOf('f1') },
    bus: {
      request: async (subject, body) =>
        new TextEncoder().encode(await answer(subject, new TextEncoder().encode(body))),
    },
    log: createLogger({ name: 'test', level: 'silent' }),
    clock,
  });

  /** Lets the half second pass after which it is asked again. */
  async function again(): Promise<void> {
    await waitFor('the next attempt to be waited for', () => clock.waits.length === 1);
    await clock.advance(500);
  }

  it('is what the chat server says now, asked by the agent whose card it is', async () => {
    const asked: string[] = [];
    let user = GUEST;
    const handler = standingHandler('athena', {
      user: async (id) => {
        asked.push(id);
        return user;
      },
    });
    answer = (subject, body) => {
      asked.push(subject);
      return handler(body);
    };

    assert.equal(await refusal('athena', 'u-1'), 'I take nothing from a guest account.');
    user = { ...GUEST, roles: 'system_user', delete_at: 1 };
    assert.equal(await refusal('athena', 'u-1'), 'I take nothing from a deactivated account.');
    user = { ...GUEST, roles: 'system_user', is_bot: true };
    assert.equal(await refusal('athena', 'u-1'), 'I take nothing from a bot account.');
    user = { ...GUEST, roles: 'system_user' };
    assert.equal(await refusal('athena', 'u-1'), undefined);
    assert.deepEqual(asked.slice(0, 2), ['f1.control.athena.standing', 'u-1']);
  });

  it('is asked again while the daemon is away, for a while, and then the press does not count', async () => {
    let times = 0;
    answer = async () => {
      times += 1;
      if (times === 1) throw new Error('nobody answers');
      return JSON.stringify({ ok: true, standing: 'member' });
    };
    const patient = refusal('athena', 'u-1');
    await again();
    assert.equal(await patient, undefined);

    const handler = standingHandler('athena', { user: () => Promise.reject(new Error('502')) });
    answer = (_subject, body) => handler(body);
    const futile = refusal('athena', 'u-1');
    for (let times = 0; times < 20; times += 1) await again();
    assert.match((await futile) ?? '', /^Nothing is decided: \*\*athena\*\* could not ask the chat server/);
  });

  it('is not told to a question for another agent, nor to what is none', async () => {
    const handler = standingHandler('apollo', { user: async () => GUEST });
    let question = new Uint8Array();
    answer = async (_subject, body) => {
      question = new Uint8Array(body);
      return JSON.stringify({ ok: true, standing: 'member' });
    };
    await refusal('athena', 'u-1');
    assert.equal(parseMessage(question, [AccountQuestion]).kind, 'ok');

    for (const body of [question, new TextEncoder().encode('{}')]) {
      assert.deepEqual(JSON.parse(await handler(body)).ok, false);
    }
  });
});
