import assert from 'node:assert/strict';
import { BusObserver } from '#test/bus-observer.ts';
import { script } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

/** Everything an agent posts that is not one of the notices about something being away. */
const NOTICE = /^I have your message/;
const ANSWER = /prompt-digest: [0-9a-f]{64}/;

/** A moment on the path, recognised from outside: on the bus, at the chat server, at the model. */
interface Point {
  readonly name: string;
  /** Called before the message is posted; resolves when the moment has come. */
  readonly reached: (fleet: TestFleet, bus: BusObserver, marker: string) => Promise<() => Promise<unknown>>;
}

const POINTS: readonly Point[] = [
  { name: 'the post is recorded, 👀 under way', reached: heldAtChat('POST', '/reactions$', 'before') },
  { name: 'the request is published', reached: published(/\.requests\./) },
  { name: 'the run is released', reached: published(/\.tasks\./) },
  { name: 'the run is claimed and begun', reached: published(/\.runs\..*\.started$/) },
  { name: 'the model is asked', reached: modelAsked },
  { name: 'the result is published', reached: published(/\.results\./) },
  { name: 'the delivery is published', reached: published(/\.deliveries\./) },
  { name: 'the answer is on its way to chat', reached: heldAtChat('POST', '/posts$', 'before') },
  { name: 'the answer is posted, chat has not said so', reached: heldAtChat('POST', '/posts$', 'after') },
];

const VICTIMS = ['daemon', 'control', 'gateway', 'nats-server'] as const;
type Victim = (typeof VICTIMS)[number];

describe('kill -9 at every point of the path: one answer, none lost', function () {
  this.timeout(150_000);
  let fleet: TestFleet;
  let bus: BusObserver;
  const threads = new Map<string, string>();

  before(async () => {
    fleet = await startFleet({ runTimeoutSeconds: 90, settings: { OLYMPUS_NOTICE_AFTER_MS: '4000' } });
    bus = await BusObserver.connect(fleet.nats.url, fleet.nats.observerSeed);
  });
  after(async () => {
    await bus?.close();
    await fleet?.[Symbol.asyncDispose]();
  });

  for (const victim of VICTIMS) {
    for (const point of POINTS) {
      it(`${victim} dies when ${point.name}`, async () => {
        await allReady(fleet);
        const marker = `crash-${threads.size}`;
        const arrived = await point.reached(fleet, bus, marker);
        const post = await fleet.person.say(`@athena ${marker}`);
        threads.set(post.id, `${victim} / ${point.name}`);
        await arrived();

        processOf(fleet, victim).kill('SIGKILL');
        await letGo(fleet, marker);

        await fleet.person.untilReaction(post.id, 'white_check_mark', 120_000);
        assert.equal((await answers(fleet, post.id)).length, 1);
      });
    }
  }

  it('takes new work while a run that outlived its daemon goes on and its message is delivered again', async () => {
    await allReady(fleet);
    await script(fleet.modelScript, { match: 'long work', matchIn: 'any', behaviour: { kind: 'hold' } });
    const long = await fleet.person.say('@athena long work');
    await fleet.person.untilReaction(long.id, 'hammer_and_wrench');
    await waitFor('the model to be asked', () => asked(fleet, 'long work'));
    fleet.agent('athena').daemon.kill('SIGKILL');

    await waitFor(
      'the bus to deliver the task again',
      async () => (await bus.redelivered('ROUNDTABLE_TASKS', 'athena')) > 0,
      { timeoutMs: 60_000, everyMs: 200 },
    );
    for (const text of ['first', 'second']) {
      const post = await fleet.person.say(`@athena ${text} meanwhile`);
      await fleet.person.untilReaction(post.id, 'white_check_mark', 20_000);
    }
    await waitFor('the long work to be let go', async () => {
      const { released } = await fleet.modelScript.post<{ released: number }>('release', {});
      return released > 0;
    });
    await fleet.person.untilReaction(long.id, 'white_check_mark');
    assert.equal((await answers(fleet, long.id)).length, 1);
  });

  it('every thread still holds exactly one answer when all is quiet', async () => {
    await allReady(fleet);
    const counts = await Promise.all(
      [...threads].map(async ([id, name]) => ({ name, answers: (await answers(fleet, id)).length })),
    );
    assert.deepEqual(
      counts.filter((each) => each.answers !== 1),
      [],
    );
    assert.equal(counts.length, VICTIMS.length * POINTS.length);
  });
});

function processOf(fleet: TestFleet, victim: Victim) {
  const { gateway, daemon } = fleet.agent('athena');
  const processes = {
    daemon,
    control: fleet.control.process,
    gateway: gateway.process,
    'nats-server': fleet.nats.process,
  };
  return processes[victim];
}

async function answers(fleet: TestFleet, rootId: string): Promise<string[]> {
  const replies = (await fleet.person.replies(rootId)).map((post) => post.message);
  const said = replies.filter((message) => !NOTICE.test(message));
  for (const message of said) assert.match(message, ANSWER);
  return said;
}

/** What was killed in the cell before is up again, so that each cell is about one death. */
async function allReady(fleet: TestFleet): Promise<void> {
  const { gateway, healthUrl } = fleet.agent('athena');
  // The gateway first: its daemon may not have seen yet that it is gone.
  const urls = [`${fleet.control.url}/healthz`, `${gateway.url}/readyz`, `${healthUrl}/readyz`];
  for (const url of urls) {
    await waitFor(`${url} to be ready`, async () => (await fetch(url)).ok, {
      timeoutMs: 90_000,
      everyMs: 50,
    });
  }
}

/** Ends every hold at the stand-ins, also one that begins only now. */
async function letGo(fleet: TestFleet, marker: string): Promise<void> {
  await fleet.chatFaults.delete('faults');
  await fleet.modelScript.delete('script');
  await fleet.modelScript.post('release', { match: marker });
}

function published(pattern: RegExp): Point['reached'] {
  return async (_fleet, bus) => {
    const seen = bus.next(pattern);
    return () => seen;
  };
}

function heldAtChat(method: string, pathPattern: string, when: 'before' | 'after'): Point['reached'] {
  return async (fleet, bus, marker) => {
    const hold = (): Promise<unknown> =>
      fleet.chatFaults.post('faults', { kind: 'hold', method, pathPattern, when });
    // The person posts too: holds on posts begin when the agent is known to be at work.
    const isPosts = pathPattern.startsWith('/posts');
    const delivered = isPosts ? bus.next(/\.results\./) : undefined;
    if (isPosts) await script(fleet.modelScript, { match: marker, behaviour: { kind: 'slow', overMs: 400 } });
    else await hold();
    const armed = isPosts ? bus.next(/\.started$/).then(hold) : Promise.resolve();
    return async () => {
      await armed;
      await delivered;
      await waitFor('the chat server to hold the request', async () => {
        const { held } = await fleet.chatFaults.get<{ held: unknown[] }>('state');
        return held.length > 0;
      });
    };
  };
}

async function modelAsked(
  fleet: TestFleet,
  _bus: BusObserver,
  marker: string,
): Promise<() => Promise<unknown>> {
  await script(fleet.modelScript, { match: marker, behaviour: { kind: 'hold' } });
  return () => waitFor('the model to be asked', () => asked(fleet, marker));
}

async function asked(fleet: TestFleet, marker: string): Promise<boolean> {
  const { requests } = await fleet.modelScript.get<{ requests: { messages: { text: string }[] }[] }>(
    'requests',
  );
  return requests.some((request) => request.messages.some((message) => message.text.includes(marker)));
}
