import type { CommandGate, WantedCommand } from '#core/harness.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { GatewayClient } from './client.ts';
import { AGENT_ID } from './config.ts';
import { type Connection, GatewayCallError } from './connection.ts';
import { ApprovalPolicy, PendingApproval, PendingApprovals } from './protocol.ts';

export interface CommandApprovalsOptions {
  readonly client: GatewayClient;
  readonly gate: CommandGate;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The turn whose commands are waited for, and which of those in the gateway are its own. */
export interface ApprovedTurn {
  readonly turnId: string;
  readonly concerns: (of: { readonly runId: string; readonly sessionKey?: string | undefined }) => boolean;
}

/** Whoever waits is woken by an event; this finds what was asked before this connection, and events that were lost. */
const LOOK_EVERY_MS = 2_000;
const CALL_TIMEOUT_MS = 30_000;
const REQUESTED = 'exec.approval.requested';
const OVER = new Error('the turn is not followed over this connection any more');
const GONE = new Error('the gateway does not wait for it any more');

/** Asking people has to be possible without asking them. Only root can change it, whatever an agent's own folders hold. */
const OWN_COMMAND = { pattern: '/usr/local/bin/olympus', argPattern: '^action ' };

/**
 * Brings the commands that a gateway holds back to whoever decides on them, and each decision back to the gateway. What it
 * cannot bring back stays undecided there, and is denied when the gateway's own half hour is over.
 */
export class CommandApprovals {
  readonly #options: CommandApprovalsOptions;

  constructor(options: CommandApprovalsOptions) {
    this.#options = options;
  }

  /** Has the gateway let `olympus action` run without a decision. Done again, it changes nothing. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options;
    const call = async (method: string, params: object): Promise<unknown> =>
      client.call(method, params, CALL_TIMEOUT_MS, signal);
    const { file, hash } = ApprovalPolicy.parse(await call('exec.approvals.get', {}));
    const { allowlist = [], ...rest } = file.agents[AGENT_ID] ?? {};
    const { pattern, argPattern } = OWN_COMMAND;
    if (allowlist.some((entry) => entry.pattern === pattern && entry.argPattern === argPattern)) return;
    const agents = { ...file.agents, [AGENT_ID]: { ...rest, allowlist: [...allowlist, OWN_COMMAND] } };
    try {
      await call('exec.approvals.set', { file: { ...file, agents }, baseHash: hash });
    } catch (error) {
      if (!(error instanceof GatewayCallError)) throw error;
      log.warn(
        { reason: error.message },
        'to ask people something takes an approval: it could not be exempted',
      );
    }
  }

  /** Takes care of the commands of one turn over one connection, until the returned function is called. */
  follow(connection: Connection, turn: ApprovedTurn): () => Promise<void> {
    const { client, clock, log } = this.#options;
    /** By the gateway's id: what ends the wait for a decision; undefined once that was brought. */
    const taken = new Map<string, AbortController | undefined>();
    const loop = new Loop({
      clock,
      round: async (signal) => {
        if (connection.open) await this.#look(connection, turn, taken, signal);
        return LOOK_EVERY_MS;
      },
      onError: (err) => log.warn({ err, turnId: turn.turnId }, 'commands that wait could not be listed'),
    });
    const unlisten = client.onEvent(({ event }) => {
      if (event === REQUESTED) loop.wake();
    });
    loop.start();
    return async () => {
      unlisten();
      await loop.stop();
      for (const waiting of taken.values()) waiting?.abort(OVER);
    };
  }

  async #look(
    connection: Connection,
    turn: ApprovedTurn,
    taken: Map<string, AbortController | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    const { log } = this.#options;
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    const listed = PendingApprovals.parse(await connection.call('exec.approval.list', {}, options));
    // One of another kind, which we cannot read, is none of our turns', and keeps no command of theirs waiting.
    const read = listed.flatMap((each) => PendingApproval.safeParse(each).data ?? []);
    const ours = read.filter(({ request }) => turn.concerns(request));
    for (const [id, waiting] of taken) {
      if (!ours.some((each) => each.id === id)) waiting?.abort(GONE);
    }
    for (const approval of ours) {
      const { id } = approval;
      if (taken.has(id)) continue;
      const waiting = new AbortController();
      taken.set(id, waiting);
      this.#settle(connection, turn.turnId, approval, waiting.signal).then(
        () => taken.set(id, undefined),
        (err) => {
          // Looked at again, and asked again.
          taken.delete(id);
          if (!waiting.signal.aborted) log.warn({ err, approvalId: id }, 'command could not be decided on');
        },
      );
    }
  }

  async #settle(
    connection: Connection,
    turnId: string,
    { id, request }: PendingApproval,
    signal: AbortSignal,
  ): Promise<void> {
    const { gate, log } = this.#options;
    const { command, cwd, envKeys } = request;
    const wanted: WantedCommand = { id, turnId, command, cwd: cwd ?? '' };
    let allowed: boolean | undefined = false;
    if (envKeys.length > 0) {
      // Nobody could see what is in them.
      log.warn({ turnId, envKeys }, 'command with variables of its own denied');
    } else {
      try {
        allowed = await gate.decide(wanted, signal);
      } catch (error) {
        if (signal.reason !== GONE) throw error;
        log.info({ turnId, approvalId: id }, 'command was decided on in the gateway, or has timed out there');
        return gate.gone(wanted);
      }
    }
    if (allowed === undefined) return;
    const decision = allowed ? 'allow-once' : 'deny';
    try {
      const options = { timeoutMs: CALL_TIMEOUT_MS, signal: connection.closed };
      await connection.call('exec.approval.resolve', { id, decision }, options);
    } catch (error) {
      // What has ended or was decided meanwhile is settled; anything else is tried again, if it still waits.
      if (!(error instanceof GatewayCallError)) throw error;
      log.warn({ turnId, approvalId: id, decision, reason: error.message }, 'decision came too late');
    }
  }
}
