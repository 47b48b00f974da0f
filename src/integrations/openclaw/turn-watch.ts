import type { TurnProgress } from '#core/harness.ts';
import type { Complaint, Seen } from './outcome.ts';
import { AgentEvent, type GatewayEvent } from './protocol.ts';
import { toolStepOf } from './tool-step.ts';

/**
 * Follows the events of one turn: hands on what is proven work, and remembers what the provider did, because
 * a turn that is cut off or fails at the provider ends with a reply that does not say.
 */
export class TurnWatch implements Seen {
  readonly #runId: string;
  readonly #sessionKey: string;
  readonly #onProgress: (progress: TurnProgress) => void;
  /** The arguments of the calls under way. */
  readonly #calls = new Map<string, unknown>();
  complaint: Complaint | undefined;
  modelCalls = 0;
  model: string | undefined;
  /** The gateway took the turn up again under an id of its own: then every event of the session counts. */
  resumed = false;
  /** It was asked for, or seen at work. */
  begun = false;
  /** It was begun without a WebSocket, and ends when we hang up. */
  overHttp = false;

  constructor(runId: string, sessionKey: string, onProgress: (progress: TurnProgress) => void) {
    this.#runId = runId;
    this.#sessionKey = sessionKey;
    this.#onProgress = onProgress;
  }

  take(event: GatewayEvent): void {
    if (event.event !== 'agent') return;
    const parsed = AgentEvent.safeParse(event.payload);
    if (!parsed.success || !this.concerns(parsed.data)) return;
    const { stream, data } = parsed.data;
    if (stream === 'lifecycle') this.#lifecycle(data);
    if (stream === 'run_status' && data.phase === 'retrying') {
      this.complaint = {
        reason: data.reason,
        message: this.complaint?.message ?? data.message ?? 'retrying',
      };
    }
    if (stream === 'tool') this.#tool(data);
    if (stream === 'command_output') this.#onProgress({ kind: 'output' });
    if (stream === 'compaction' && data.completed) this.#onProgress({ kind: 'compacted' });
    if (stream === 'thinking') this.#onProgress({ kind: 'thinking' });
    if (stream === 'assistant') this.#onProgress({ kind: 'text' });
    if (stream === 'usage') this.complaint = undefined;
  }

  /** The connection is gone: what it has begun is heard of no more. */
  lost(): void {
    if (this.begun) this.#onProgress({ kind: 'unheard' });
  }

  /** Tool events come only to the connection that has begun the turn: to none after a restart of this process. */
  #tool({ phase, name = '', toolCallId = '', args, result, isError }: AgentEvent['data']): void {
    if (phase === 'start') {
      this.#calls.set(toolCallId, args);
      this.#onProgress({ kind: 'tool', ...(name ? { detail: name } : {}) });
      return;
    }
    if (phase !== 'result') {
      this.#onProgress({ kind: 'output' });
      return;
    }
    const step = toolStepOf(name, this.#calls.get(toolCallId), { result, isError });
    this.#calls.delete(toolCallId);
    this.#onProgress({ kind: 'step', step });
  }

  #lifecycle(data: AgentEvent['data']): void {
    if (data.phase === 'start') this.#onProgress({ kind: 'started' });
    if (data.phase === 'model' && data.model) {
      this.modelCalls += 1;
      this.model = data.model;
    }
    const reason = data.errorObservation?.failoverReason;
    if (data.error && reason) this.complaint = { reason, message: data.error };
  }

  /** Whether something of this run, in this session, belongs to the turn. */
  concerns({ runId, sessionKey }: Pick<AgentEvent, 'runId' | 'sessionKey'>): boolean {
    if (runId === this.#runId || runId.startsWith(`${this.#runId}:`)) return true;
    return this.resumed && sessionKey === this.#sessionKey;
  }
}
