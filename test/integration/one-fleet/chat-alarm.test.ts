import assert from 'node:assert/strict';
import type { AgentView, AuditView } from '#core/api.ts';
import { BusObserver } from '#test/bus-observer.ts';
import type { TestFleet } from '#test/fleet.ts';
import { sharedFleet } from '#test/shared-fleet.ts';
import { waitFor } from '#test/wait.ts';

/** Of a machine on which much else runs; less than what is to be told waits where nobody is woken for it. */
const LONG_MS = 20_000;

describe('an agent that has not heard chat for long', function () {
  this.timeout(150_000);
  let fleet: TestFleet;
  before(async function () {
    this.timeout(180_000);
    fleet = await sharedFleet();
  });
  after(() => fleet?.chatFaults.delete('faults'));

  const daemon = async (route: string): Promise<string> =>
    (
      await fetch(`${fleet.agent('athena').healthUrl}/${route}`, { signal: AbortSignal.timeout(10_000) })
    ).text();
  const untilMetric = (value: 0 | 1) =>
    waitFor(`the alarm to be ${value} in the metrics`, async () =>
      (await daemon('metrics')).includes(`olympus_part_alarm{part="chat"} ${value}`),
    );

  it('raises an alarm in its readiness, in its metrics and on the bus, once, and says when it is over', async () => {
    await using bus = await BusObserver.connect(fleet.nats.url, fleet.nats.observerSeed);
    await untilMetric(0);
    const raised = bus.next(/^roundtable\.events\.olympus\.agent\.athena\.alarm$/, LONG_MS);

    await fleet.chatFaults.post('faults', { kind: 'cut-sockets', refuse: true });
    const post = await fleet.person.say('@athena can you hear me?');
    await raised;

    const { failing } = JSON.parse(await daemon('readyz')) as { failing: { name: string }[] };
    assert.partialDeepStrictEqual(failing, [{ name: 'chat', ready: false, alarm: true }]);
    await untilMetric(1);
    const { conditions } = await fleet.api<AgentView>('/v1/agents/athena');
    assert.match(conditions.find(({ name }) => name === 'chat')?.reason ?? '', /^hears nothing since 20/);
    const over = bus.next(/^roundtable\.events\.olympus\.agent\.athena\.alarm-over$/, 2 * LONG_MS);
    await fleet.chatFaults.delete('faults');
    await over;
    await untilMetric(0);
    await fleet.person.untilReaction(post.id, 'eyes');

    const { records } = await fleet.api<{ records: AuditView[] }>('/v1/audit?limit=200');
    const told = records.filter(({ entity, what }) => entity === 'agent' && what.startsWith('alarm'));
    assert.deepEqual(
      told.map(({ what }) => what),
      ['alarm-over', 'alarm'],
    );
    assert.match(told[1]?.why ?? '', /^chat: hears nothing since 20/);
    assert.equal(told[0]?.why, 'chat is ready again');
  });
});
