import assert from 'node:assert/strict';
import { BusObserver } from '#test/bus-observer.ts';
import { script, untilAsked } from '#test/control-surface.ts';
import { allReady, answers } from '#test/deaths.ts';
import { startFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('a run that outlived its daemon', function () {
  this.timeout(240_000);

  it('takes new work while a run that outlived its daemon goes on and its message is delivered again', async () => {
    await using fleet = await startFleet({ runTimeoutSeconds: 90 });
    await using bus = await BusObserver.connect(fleet.nats.url, fleet.nats.observerSeed);
    await allReady(fleet);
    await script(fleet.modelScript, { match: 'long work', matchIn: 'any', behaviour: { kind: 'hold' } });
    const long = await fleet.person.say('@athena long work');
    await fleet.person.untilReaction(long.id, 'hammer_and_wrench');
    await untilAsked(fleet.modelScript, 'long work');
    fleet.agent('athena').daemon.kill('SIGKILL');

    await waitFor(
      'the bus to deliver the task again',
      async () => (await bus.redelivered('ROUNDTABLE_TASKS', 'athena')) > 0,
      { timeoutMs: 60_000, everyMs: 200 },
    );
    for (const text of ['first', 'second']) {
      const post = await fleet.person.say(`@athena ${text} meanwhile`);
      await fleet.person.untilReaction(post.id, 'white_check_mark', 45_000);
    }
    await waitFor('the long work to be let go', async () => {
      const { released } = await fleet.modelScript.post<{ released: number }>('release', {});
      return released > 0;
    });
    await fleet.person.untilReaction(long.id, 'white_check_mark');
    assert.equal((await answers(fleet, long.id)).length, 1);
  });
});
