import assert from 'node:assert/strict';
import type { Conversation } from '#core/conversation.ts';
import type { RunEvent } from '#core/run-states.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { createLogger } from '#lib/log.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { ProgressPosts } from '../../src/agent/parts/progress.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';
import { released } from './agent-work.ts';
import { ControlSurface } from './control-surface.ts';
import { ManualClock } from './manual-clock.ts';
import { Person, type SeenPost } from './person.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { waitFor } from './wait.ts';

const SEED = {
  team: { name: 'olympus' },
  users: [{ username: 'human', token: 'human-token' }],
  bots: [{ username: 'athena', token: 'athena-token' }],
  channels: [],
};
const AFTER_MS = 5_000;
const log = createLogger({ name: 'test', level: 'silent' });

type Standin = Awaited<ReturnType<typeof createMattermostStandin>>;
/** What there is from `begin` to `end`. */
interface Daemon {
  readonly dir: TempDir;
  readonly clock: ManualClock;
  readonly journal: Journal;
  readonly progress: ProgressPosts;
}

/** The part of athena's daemon that shows how runs get on, over its journal, with a clock of its own and a chat server. */
export class ProgressBench implements AsyncDisposable {
  readonly faults: ControlSurface;
  readonly human: Person;
  readonly athena: Person;
  readonly rest: MattermostRest;
  readonly lease = { held: true };
  readonly #standin: Standin;
  #daemon: Daemon | undefined;
  #count = 0;

  private constructor(standin: Standin, human: Person, athena: Person) {
    this.#standin = standin;
    this.faults = new ControlSurface(standin.adminUrl);
    this.rest = new MattermostRest(standin.url, 'athena-token');
    this.human = human;
    this.athena = athena;
  }

  static async open(): Promise<ProgressBench> {
    const standin = await createMattermostStandin({ seed: SEED });
    const connect = (name: string): Promise<Person> => Person.connect(standin.url, `${name}-token`);
    return new ProgressBench(standin, await connect('human'), await connect('athena'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#standin.close();
  }

  get journal(): Journal {
    return this.#running.journal;
  }

  get progress(): ProgressPosts {
    return this.#running.progress;
  }

  /** A daemon that holds the lease, with a new journal. */
  async begin(): Promise<void> {
    this.lease.held = true;
    await this.#start(await tempDir('progress'), new ManualClock(), AFTER_MS);
  }

  async end(): Promise<void> {
    await this.faults.delete('faults');
    const { dir } = await this.#stop();
    await dir[Symbol.asyncDispose]();
  }

  /** Another process with the same journal. */
  async restart(afterMs = AFTER_MS): Promise<void> {
    const { dir, clock } = await this.#stop();
    await this.#start(dir, new ManualClock(clock.now()), afterMs);
  }

  /** Lets time pass, second after second. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.#running.clock.advance(1_000);
      await this.#roundOver();
    }
  }

  /** A run at work on something that somebody has asked. */
  async startRun(): Promise<{ runId: string; thread: string }> {
    const asked = await this.human.say('@athena work');
    const { id: thread, channel_id: channelId } = asked;
    const runId = await this.startRunOf({
      ...{ id: `mm-${thread}`, surface: 'mattermost', channelId, rootId: thread, postId: thread },
    });
    return { runId, thread };
  }

  /** A run that is at work for this conversation, or for none. */
  async startRunOf(conversation?: Conversation): Promise<string> {
    const runId = `r-${++this.#count}`;
    await this.journal.transaction(() => {
      this.journal.runs.claim(released(runId, conversation ? { conversation } : {}).dispatch, 'n');
      this.journal.runs.advance(runId, 'start');
    });
    return runId;
  }

  call(runId: string, tool: string): void {
    this.progress.heard(runId, { kind: 'tool', detail: tool });
  }

  async advance(runId: string, event: RunEvent): Promise<void> {
    await this.journal.transaction(() => this.journal.runs.advance(runId, event));
  }

  /** The one post there, which is of the agent. */
  async shownIn(thread: string): Promise<SeenPost> {
    const [post, ...others] = await this.human.replies(thread);
    assert.deepEqual(others, []);
    assert.ok(post, 'nothing was posted');
    assert.equal(post.user_id, this.athena.userId);
    return post;
  }

  /** Requests by which the agent has made or changed something since then. */
  async writes(since = 0): Promise<{ last: number; paths: string[] }> {
    type Seen = { last: number; requests: { method: string; path: string; user?: string }[] };
    const { last, requests } = await this.faults.get<Seen>(`requests?since=${since}`);
    const own = requests.filter(({ method, user }) => user === 'athena' && method !== 'GET');
    return { last, paths: own.map(({ method, path }) => `${method} ${path}`) };
  }

  get #running(): Daemon {
    assert.ok(this.#daemon, 'it was not begun');
    return this.#daemon;
  }

  async #start(dir: TempDir, clock: ManualClock, afterMs: number): Promise<void> {
    const { rest, lease } = this;
    const journal = new Journal({ stateDir: dir.path, clock });
    const chat = { me: undefined, rest };
    const progress = new ProgressPosts({ chat, journal, lease, afterMs, log, clock });
    this.#daemon = { dir, clock, journal, progress };
    await progress.start();
    await this.#roundOver();
  }

  async #stop(): Promise<Daemon> {
    const daemon = this.#running;
    await daemon.progress.stop();
    await daemon.journal.stop();
    return daemon;
  }

  async #roundOver(): Promise<void> {
    await waitFor('the round to be over', () => this.#running.clock.waits.length > 0);
  }
}
