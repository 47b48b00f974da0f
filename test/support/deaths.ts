import assert from 'node:assert/strict';
import type { TaskView } from '#core/api.ts';
import type { ProcessPart } from '#lab/local/process-part.ts';
import { BusObserver } from '#test/bus-observer.ts';
import { script, untilAsked } from '#test/control-surface.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

/** Everything an agent posts that is not one of the notices about something being away. */
const NOTICE = /^I have your message/;
const ANSWER = /prompt-digest: [0-9a-f]{64}/;

/** How long a moment may take to come: the processor is shared with gateways that start. What a cell shows is what follows. */
const UNTIL_REACHED = { timeoutMs: 60_000 };

/** A moment on the path, recognised from outside: on the bus, at the chat server, at the model. */
interface Point {
  readonly name: string;
  /** Called before the message is posted; resolves when the moment has come. */
  readonly reached: (fleet: TestFleet, bus: BusObserver, marker: string) => Promise<() => Promise<unknown>>;
}

const POINTS = {
  recorded: {
    name: 'the post is recorded, 👀 under way',
    reached: heldAtChat('POST', '/reactions$', 'before'),
  },
  requested: { name: 'the request is published', reached: published(/\.requests\./) },
  released: { name: 'the run is released', reached: published(/\.tasks\./) },
  begun: { name: 'the run is claimed and begun', reached: published(/\.runs\..*\.started$/) },
  asked: { name: 'the model is asked', reached: modelAsked },
  ended: { name: 'the result is published', reached: published(/\.results\./) },
  delivered: { name: 'the delivery is published', reached: published(/\.deliveries\./) },
  answering: { name: 'the answer is on its way to chat', reached: heldAtChat('POST', '/posts$', 'before') },
  answered: {
    name: 'the answer is posted, chat has not said so',
    reached: heldAtChat('POST', '/posts$', 'after'),
  },
} satisfies Readonly<Record<string, Point>>;

export type PointName = keyof typeof POINTS;
export const EVERY_POINT = Object.keys(POINTS) as PointName[];

/**
 * What dies at once. The whole host is the bus, control, the daemon and its gateway, as in a power cut where all of them run
 * on one machine. What SIGKILL cannot show of one: the kernel lives on, and with it what was written and not synced to the
 * disk. That nothing is confirmed before it is synced rests on `synchronous` of SQLite and `sync_interval` of nats-server.
 */
export type Victim = 'daemon' | 'control' | 'gateway' | 'nats-server' | 'mattermost' | 'the whole host';

/**
 * Describes kill -9 of each victim at these points of the path. One fleet for all of it: what an earlier death left
 * behind would show in a later cell.
 */
export function describeDeaths(deaths: Partial<Readonly<Record<Victim, readonly PointName[]>>>): void {
  const victims = Object.keys(deaths) as Victim[];
  const cells = victims.flatMap((victim) =>
    (deaths[victim] ?? []).map((point) => ({ victim, ...POINTS[point] })),
  );
  describe(`kill -9 of ${victims.join(' and ')} at points of the path: one answer, none lost`, function () {
    // A gateway that is started again has a minute for it on a busy machine, and then its first turn.
    this.timeout(280_000);
    let fleet: TestFleet;
    let bus: BusObserver;
    const threads = new Map<string, string>();

    before(async () => {
      fleet = await startFleet({ runTimeoutSeconds: 240, settings: { OLYMPUS_NOTICE_AFTER_MS: '4000' } });
      bus = await BusObserver.connect(fleet.nats.url, fleet.nats.observerSeed);
    });
    // Not in the cell: what one leaves to be started again is not of the time that the next one has.
    beforeEach(() => allReady(fleet));
    after(async () => {
      await bus?.[Symbol.asyncDispose]();
      await fleet?.[Symbol.asyncDispose]();
    });

    for (const { victim, name, reached } of cells) {
      it(`${victim} dies when ${name}`, async () => {
        const marker = `crash-${threads.size}`;
        const arrived = await reached(fleet, bus, marker);
        const post = await fleet.person.say(`@athena ${marker}`);
        threads.set(post.id, `${victim} / ${name}`);
        await arrived();

        for (const each of processesOf(fleet, victim)) each.kill('SIGKILL');
        await letGo(fleet, marker);

        await fleet.person.untilReaction(post.id, 'white_check_mark', 240_000);
        assert.equal((await answers(fleet, post.id)).length, 1);
      });
    }

    it('every thread still holds exactly one answer when all is quiet, and every task has ended', async () => {
      const counts = await Promise.all(
        [...threads].map(async ([id, name]) => ({ name, answers: (await answers(fleet, id)).length })),
      );
      assert.deepEqual(
        counts.filter((each) => each.answers !== 1),
        [],
      );
      const { tasks } = await fleet.api<{ tasks: TaskView[] }>('/v1/tasks');
      assert.deepEqual(
        tasks.map(({ state }) => state),
        cells.map(() => 'completed'),
      );
    });
  });
}

function processesOf(fleet: TestFleet, victim: Victim): readonly ProcessPart[] {
  const { gateway, daemon } = fleet.agent('athena');
  const processes = {
    daemon: [daemon],
    control: [fleet.control.process],
    gateway: [gateway.process],
    'nats-server': [fleet.nats.process],
    mattermost: [fleet.mattermost.process],
  };
  if (victim !== 'the whole host') return processes[victim];
  return [...processes['nats-server'], ...processes.control, ...processes.daemon, ...processes.gateway];
}

/** What an agent answered in a thread, without its notices. */
export async function answers(fleet: TestFleet, rootId: string): Promise<string[]> {
  const replies = (await fleet.person.replies(rootId)).map((post) => post.message);
  const said = replies.filter((message) => !NOTICE.test(message));
  for (const message of said) assert.match(message, ANSWER);
  return said;
}

/** Waits until all is up again, so that each cell is about one death. */
export async function allReady(fleet: TestFleet): Promise<void> {
  const { gateway, healthUrl } = fleet.agent('athena');
  // The gateway first: its daemon may not have seen yet that it is gone.
  const urls = [`${fleet.control.url}/healthz`, `${gateway.url}/readyz`, `${healthUrl}/readyz`];
  for (const url of urls) {
    await waitFor(`${url} to be ready`, async () => (await fetch(url)).ok, {
      timeoutMs: 180_000,
      everyMs: 50,
    });
  }
}

/** Ends every hold at the stand-ins, also one that begins only now; at chat once it is there again. */
async function letGo(fleet: TestFleet, marker: string): Promise<void> {
  await waitFor('chat to let go', () => fleet.chatFaults.delete('faults').then(() => true), {
    timeoutMs: 30_000,
  });
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
      await waitFor(
        'the chat server to hold the request',
        async () => {
          const { held } = await fleet.chatFaults.get<{ held: unknown[] }>('state');
          return held.length > 0;
        },
        UNTIL_REACHED,
      );
    };
  };
}

async function modelAsked(
  fleet: TestFleet,
  _bus: BusObserver,
  marker: string,
): Promise<() => Promise<unknown>> {
  await script(fleet.modelScript, { match: marker, behaviour: { kind: 'hold' } });
  return () => untilAsked(fleet.modelScript, marker);
}
