import assert from 'node:assert/strict';
import type { TaskView } from '#core/api.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { Operator } from '#test/operator.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';

describe('commands to agents of which one is silent', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  let apollo: PlayedAgent;
  const told: string[] = [];
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena', 'apollo']);
    athena = await PlayedAgent.join(control, FLEET, 'athena', { concurrency: 8 });
    apollo = await PlayedAgent.join(control, FLEET, 'apollo', { concurrency: 8 });
    // Apollo hears and never answers, like a process that was stopped.
    for (const agent of [athena, apollo]) {
      agent.bus.connection.subscribe(`${FLEET}.control.${agent.name}.cancel`, {
        callback: (_error, message) => {
          told.push(agent.name);
          if (agent === athena) message.respond('{"ok":true}');
        },
      });
    }
  });
  after(async () => {
    await apollo?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  it('reach the others before the silent one was asked for each of its runs', async () => {
    const ada = new Operator(control);
    const held: TaskView[] = [];
    for (const text of ['one', 'two', 'three', 'four', 'five']) {
      held.push(await ada.create(text, { agent: 'apollo' }));
      await apollo.next();
    }
    const other = await ada.create('six');
    await athena.next();
    for (const { id } of held) await ada.cancel(id);
    await waitFor('apollo to be told again and again', () => told.length >= 3, { timeoutMs: 30_000 });
    told.length = 0;

    await ada.cancel(other.id);

    await waitFor('athena to be told', () => told.includes('athena'), { timeoutMs: 20_000 });
    assert.ok(told.indexOf('athena') <= 2, told.join(', '));
  }).timeout(120_000);
});
