import { Action, actionHash } from '#core/action.ts';
import type { AskRequest, SocketReply } from '#core/action-socket.ts';
import type { CommandGate, WantedCommand } from '#core/harness.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { RunReports } from '../parts/run-reports.ts';
import type { Ladder } from '../stuck/ladder.ts';
import { isTurnOf } from '../stuck/turns.ts';
import type { Asking } from './asking.ts';

export interface CommandGateOptions {
  readonly agent: string;
  /** The name of this machine. */
  readonly machine: string;
  readonly journal: Journal;
  readonly asking: Pick<Asking, 'ask' | 'decided'>;
  readonly ladder: Pick<Ladder, 'abort'>;
  readonly reports: Pick<RunReports, 'tell'>;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
}

const NEVER = new AbortController().signal;
/** What gates of the policies name. */
const KIND = 'exec.shell';

/**
 * Has people decide on the commands of turns, as on anything else that is asked. An approval holds for one run of exactly
 * what was shown, in the same task: also in the next run, when this one is parked meanwhile. A denial holds for the task.
 */
export class AskingGate implements CommandGate {
  readonly #options: CommandGateOptions;

  constructor(options: CommandGateOptions) {
    this.#options = options;
  }

  async decide(wanted: WantedCommand, signal: AbortSignal): Promise<boolean | undefined> {
    const { journal, ladder, log } = this.#options;
    const run = this.#runOf(wanted);
    const request = run && this.#requestOf(run, wanted);
    if (!request) {
      log.warn(
        { turnId: wanted.turnId },
        'command denied: it is of no run that is under way, or is too long',
      );
      return false;
    }
    const { runId } = run;
    for (;;) {
      signal.throwIfAborted();
      const { key, reply } = await this.#ask(request, wanted, signal);
      if (reply.kind === 'parked') {
        // The gateway cannot wait for hours, and its turn would hold a place: it ends, and the command with it.
        ladder.abort(runId, NEVER).catch((err) => log.warn({ err, runId }, 'parked turn goes on'));
        return undefined;
      }
      if (reply.kind === 'decided' && reply.state === 'withdrawn') {
        // Its task is being ended, and its turn with it: a denial would have it answer first. What was withdrawn for
        // another wish, which was decided elsewhere, is asked anew.
        if (await journal.transaction(() => journal.asks.use(key, wanted.id))) return undefined;
        continue;
      }
      if (reply.kind !== 'decided' || reply.state !== 'approved') {
        const why = reply.kind === 'refused' ? reply.sentence : undefined;
        log.info({ runId, key, why }, 'command denied');
        return false;
      }
      // Written down before it runs: a crash may lose an approval, and never runs a command twice for one.
      if (await journal.transaction(() => journal.asks.use(key, wanted.id))) {
        log.info({ runId, key, by: reply.by }, 'command approved');
        return true;
      }
    }
  }

  async gone(wanted: WantedCommand): Promise<void> {
    const { journal, asking, agent, reports, onAdded } = this.#options;
    const run = this.#runOf(wanted);
    const request = run && this.#requestOf(run, wanted);
    if (!request) return;
    const hash = await actionHash(request.action);
    const { taskId } = run.dispatch;
    const key = await journal.transaction(() => {
      const ask = journal.asks.usableBy(wanted.id, { prefix: prefixOf(taskId), hash });
      if (!ask || ask.decision) return undefined;
      const about = { agent, taskId, runId: ask.runId, key: ask.key, hash };
      journal.asks.decide({ ...about, decisionId: wanted.id, state: 'withdrawn' });
      journal.asks.use(ask.key, wanted.id);
      // Nobody is to decide on it any more, and nothing is to wait for that.
      reports.tell(run.dispatch, 'forgot', ask.key);
      return ask.key;
    });
    if (!key) return;
    onAdded();
    asking.decided(key);
  }

  async #ask(
    request: ApprovalAsk,
    wanted: WantedCommand,
    signal: AbortSignal,
  ): Promise<{ readonly key: string; readonly reply: SocketReply }> {
    const { journal, asking } = this.#options;
    const hash = await actionHash(request.action);
    const prefix = prefixOf(request.task);
    const key =
      journal.asks.usableBy(wanted.id, { prefix, hash })?.key ?? this.#newKey(`${prefix}${wanted.id}`);
    return { key, reply: await asking.ask(request, signal, key) };
  }

  /** One under which nothing was asked: another wish may have used what this one was asked under first. */
  #newKey(own: string): string {
    let key = own;
    for (let again = 2; this.#options.journal.asks.get(key); again++) key = `${own}:${again}`;
    return key;
  }

  #runOf({ turnId }: WantedCommand): JournaledRun | undefined {
    return this.#options.journal.runs.open().find(({ runId }) => isTurnOf(turnId, runId));
  }

  #requestOf({ dispatch }: JournaledRun, { command, cwd }: WantedCommand): ApprovalAsk | undefined {
    const action = Action.safeParse({
      kind: KIND,
      target: this.#options.machine,
      params: { command, cwd },
    });
    if (!action.success) return undefined;
    return {
      ask: 'approval',
      task: dispatch.taskId,
      action: action.data,
      summary: 'may I run this command?',
    };
  }
}

type ApprovalAsk = Extract<AskRequest, { ask: 'approval' }>;

/** How the keys of a task's commands begin; each ends with the wish for which it was asked first. */
function prefixOf(taskId: string): string {
  return `command:${taskId}:`;
}
