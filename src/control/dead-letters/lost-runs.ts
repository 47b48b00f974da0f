import { controlDurable, streamNames } from '#core/streams.ts';
import { hasHandled, holdsSubject, lastPlace } from '#integrations/nats/stored-messages.ts';
import { vanishedText } from '../deliveries/deliver.ts';
import { agentView } from '../registry/registry.ts';
import type { UnheardRun } from '../store/run-repository.ts';
import { buryRun } from './bury-run.ts';
import type { ExhaustedOptions } from './exhausted.ts';

export interface LostRunsOptions extends ExhaustedOptions {
  /** How long nothing may be heard of a run after its message was first missed. */
  readonly settleMs: number;
}

/** Since when a run is missed, on which connection, and what lay in the streams by which something of it could come. */
interface Watch {
  readonly since: number;
  readonly generation: number;
  readonly marks: ReadonlyMap<string, number>;
}

/** How control hears of a run: by its events and by its result. */
const HEARD_BY = [streamNames.results, streamNames.runlog];
const REASON = 'its message is gone from the bus, and its agent does not say that it is at work on it';

/**
 * Finds the runs that nobody will ever bring, and buries their tasks: released, and then the message was ended by its
 * agent, or removed by hand, or lost with its stream. The message cannot say so any more, hence the way from the store.
 *
 * WHY A RUN THAT IS BURIED HERE IS LOST. A daemon acknowledges a message only once the bus has stored the run's result, or
 * that it was parked. So, in this order:
 * - its dispatch has left the outbox, and after that its message is not in the stream: it was there, and is gone;
 * - where the streams of results and events ended after that is marked, and control has handled both up to the marks:
 *   an acknowledged run would have been heard of by then, however far behind control was;
 * - nothing was heard: the run is `released` in the transaction that buries it.
 * What is left is a message that did not go by an acknowledgement. Its daemon may have it nevertheless, with its outbox
 * stuck; then it names the run in its heartbeats, as it does until the bus has the result. Therefore one that was sent
 * after the run was missed is waited for, and an agent that is silent is not judged: the deadline is.
 * A discarded run is acknowledged before its event went out; it is being cancelled, or past its deadline, and ends the same.
 * Should all that err, the answer still counts: a buried task may be completed.
 */
export class LostRuns {
  readonly #options: LostRunsOptions;
  #watched = new Map<string, Watch>();

  constructor(options: LostRunsOptions) {
    this.#options = options;
  }

  /** Looks at every run once. What is watched is forgotten with the process: the next one begins anew. */
  async look(signal: AbortSignal): Promise<void> {
    const { bus, store, context } = this.#options;
    const watched = new Map<string, Watch>();
    for (const run of await store.read.runs.unheard()) {
      if (signal.aborted) return;
      const subject = context.subjects.task(run.domain, run.agent, run.id);
      if (await holdsSubject(bus, streamNames.tasks, subject)) continue;
      const known = this.#watched.get(run.id);
      // While control was cut off, so may others have been.
      const watch = known?.generation === bus.generation ? known : await this.#begin();
      const verdict = await this.#judge(run, watch);
      if (verdict === 'lost') await this.#bury(run, subject);
      else if (verdict === 'unknown') watched.set(run.id, watch);
    }
    this.#watched = watched;
  }

  async #begin(): Promise<Watch> {
    const { bus, context } = this.#options;
    const { generation } = bus;
    const marks = new Map<string, number>();
    for (const stream of HEARD_BY) marks.set(stream, await lastPlace(bus, stream));
    return { since: context.now(), generation, marks };
  }

  async #judge(run: UnheardRun, watch: Watch): Promise<'lost' | 'underWay' | 'unknown'> {
    const { bus, store, context, settleMs } = this.#options;
    const agent = await store.read.agents.byName(run.agent);
    if (agent?.heartbeat.runs.includes(run.id)) return 'underWay';
    const now = context.now();
    if (!agent || now - watch.since < settleMs) return 'unknown';
    if (agent.lastSeenAt <= watch.since || agentView(agent, now).phase === 'Silent') return 'unknown';
    for (const [stream, mark] of watch.marks) {
      if (!(await hasHandled(bus, stream, controlDurable, mark))) return 'unknown';
    }
    // Read again, for what was handled meanwhile.
    const { state } = (await store.read.runs.byId(run.id)) ?? {};
    return state === 'released' ? 'lost' : 'unknown';
  }

  async #bury(run: UnheardRun, subject: string): Promise<void> {
    const { deadLetters, onBuried } = this.#options;
    const stream = streamNames.tasks;
    const gone = { stream, subject, body: new Uint8Array(), deliveries: 0, mayStand: true };
    await deadLetters.write({ ...gone, reason: 'vanished', detail: REASON });
    const onlyIf = ({ state }: { readonly state: string }): boolean => state === 'released';
    await buryRun(this.#options, run.id, { reason: REASON, text: vanishedText, onlyIf });
    onBuried();
  }
}
