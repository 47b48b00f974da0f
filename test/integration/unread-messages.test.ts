import assert from 'node:assert/strict';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { DeadLetterSummary } from '#core/api.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { streamNames } from '#core/streams.ts';
import { newId } from '#lib/id.ts';
import type { BusClient } from '#test/bus-matrix/client.ts';
import { managerOf } from '#test/bus-matrix/fleet-bus.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { exhaust } from '#test/exhaust.ts';
import { PlayedAgent } from '#test/played-agent.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const UNKNOWN = '{"type":"io.olympus.new.v9"}';

describe('a message that its agent hands back until it is given up', () => {
  let control: ControlOnBus;
  let athena: PlayedAgent;
  let bus: BusClient;
  let manager: JetStreamManager;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_SWEEP_MS: '500' });
    athena = await PlayedAgent.join(control, FLEET, 'athena');
    bus = await control.connect('control');
    manager = await managerOf(bus);
  });
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  for (const [what, place, body, reason, detail] of [
    [
      'work of an unknown type',
      'tasks.planning.athena',
      UNKNOWN,
      'unknown_type',
      /io\.olympus\.new\.v9; deliv/,
    ],
    ['work that is no message', 'tasks.planning.athena', 'hello', 'message_invalid', /not JSON; deliv/],
    ['a delivery of an unknown type', 'deliveries.athena', UNKNOWN, 'unknown_type', /new\.v9; deliv/],
    ['a delivery that is no message', 'deliveries.athena', '{}', 'message_invalid', /no type; deliv/],
    ['a delivery that can be read', 'deliveries.athena', sound(), 'max_deliveries', /^deliv/],
  ] as const) {
    it(`is kept with the reason: ${what}`, async function () {
      this.timeout(120_000);
      const subject = `${FLEET}.${place}.${newId(Date.now())}`;
      await bus.request(subject, body);

      await exhaust(athena.bus, 'athena', subject);

      const letter = await letterAbout(subject);
      assert.equal(letter.reason, reason);
      assert.match(letter.detail ?? '', detail);
      await untilGone(subject);
    });
  }

  it('is found by the sweep where no advisory told of a delivery, and one that is waited for stays', async function () {
    this.timeout(120_000);
    const subject = `${FLEET}.deliveries.athena.unheard`;
    const waiting = `${FLEET}.deliveries.athena.waiting`;
    await control.kill();
    await bus.request(subject, sound());
    const advisories = async () => (await manager.streams.info(streamNames.advisory)).state.last_seq;
    const before = await advisories();
    await exhaust(athena.bus, 'athena', subject);
    await waitFor('the advisory', async () => (await advisories()) > before);
    await manager.streams.purge(streamNames.advisory);
    await bus.request(waiting, sound());
    await control.start();

    const letter = await letterAbout(subject);

    assert.equal(letter.stream, streamNames.deliveries);
    await untilGone(subject);
    assert.ok(await manager.streams.getMessage(streamNames.deliveries, { last_by_subj: waiting }));
  });

  function letterAbout(subject: string): Promise<DeadLetterSummary> {
    return waitFor(
      `a letter about ${subject}`,
      async () => {
        const { body } = await control.api<{ letters: DeadLetterSummary[] }>('GET', '/v1/dlq');
        return body.letters.find((each) => each.subject === subject);
      },
      { timeoutMs: 20_000 },
    );
  }

  async function untilGone(subject: string): Promise<void> {
    const stream = subject.includes('.tasks.') ? streamNames.tasks : streamNames.deliveries;
    await waitFor(
      'it to be gone',
      async () => (await manager.streams.getMessage(stream, { last_by_subj: subject })) === null,
    );
  }
});

/** A delivery that every agent of this version can read. */
function sound(): string {
  const id = newId(Date.now());
  const head = { id, source: '/test', subject: 'task/t1', time: new Date().toISOString() };
  const conversation = { id: 'c1', surface: 'mattermost', channelId: 'c', rootId: '', postId: 'p' } as const;
  const said = { deliveryId: id, agent: 'athena', conversation, state: 'completed', depth: 0 } as const;
  return JSON.stringify(Delivery.create(head, said));
}
