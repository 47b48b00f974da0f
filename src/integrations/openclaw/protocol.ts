import { z } from 'zod';

/** Frames of the gateway's protocol 4, as far as we use them. */
export const GatewayFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('event'), event: z.string(), payload: z.unknown().optional() }),
  z.object({
    type: z.literal('res'),
    id: z.string(),
    ok: z.boolean(),
    payload: z.unknown().optional(),
    error: z
      .object({
        code: z.string().catch('UNKNOWN'),
        message: z.string().catch(''),
        details: z.unknown().optional(),
        retryable: z.boolean().optional().catch(undefined),
        retryAfterMs: z.number().optional().catch(undefined),
      })
      .optional(),
  }),
]);
export type GatewayFrame = z.output<typeof GatewayFrame>;
export type GatewayResponse = Extract<GatewayFrame, { type: 'res' }>;
export type GatewayEvent = Extract<GatewayFrame, { type: 'event' }>;

/** What `connect` answers. */
export const Hello = z.object({
  type: z.literal('hello-ok'),
  protocol: z.literal(4),
  server: z.object({ version: z.string().catch('unknown') }),
  auth: z.object({ scopes: z.array(z.string()) }),
  policy: z.object({ tickIntervalMs: z.number().positive().catch(30_000) }),
});
export type Hello = z.output<typeof Hello>;

const count = z.number().nonnegative().catch(0);

/** Usage as the gateway writes it, in results and in history. Costs are in units of currency. */
export const GatewayUsage = z.object({
  input: count,
  output: count,
  cacheRead: count,
  cacheWrite: count,
  cost: z.object({ total: count }).optional().catch(undefined),
});
export type GatewayUsage = z.output<typeof GatewayUsage>;

/** What `agent` answers, at once (`accepted`, `in_flight`) and in the end. */
export const AgentReply = z.object({
  runId: z.string(),
  status: z.string(),
  summary: z.string().optional().catch(undefined),
  stopReason: z.string().optional().catch(undefined),
  result: z
    .object({
      payloads: z.array(z.object({ text: z.string().nullish(), isError: z.boolean().optional() })).catch([]),
      meta: z
        .object({
          error: z.object({ kind: z.string().catch(''), message: z.string().catch('') }).optional(),
          agentMeta: z
            .object({
              model: z.string().optional().catch(undefined),
              assistantTurns: count,
              usage: GatewayUsage.optional().catch(undefined),
              costUsd: z.number().nonnegative().optional().catch(undefined),
            })
            .optional()
            .catch(undefined),
        })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
export type AgentReply = z.output<typeof AgentReply>;

/** What `agent.wait` answers; `timeout` without anything else means that the run is unknown or goes on. */
export const WaitReply = z.object({
  status: z.string(),
  endedAt: z.number().optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  stopReason: z.string().optional().catch(undefined),
});
export type WaitReply = z.output<typeof WaitReply>;

/** One row of a session's history. */
export const HistoryMessage = z.object({
  role: z.string(),
  content: z.unknown().optional(),
  idempotencyKey: z.string().optional().catch(undefined),
  model: z.string().optional().catch(undefined),
  usage: GatewayUsage.optional().catch(undefined),
  stopReason: z.string().optional().catch(undefined),
  provenance: z.object({ kind: z.string() }).optional().catch(undefined),
  __openclaw: z
    .object({
      id: z.string().optional().catch(undefined),
      truncated: z.boolean().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
export type HistoryMessage = z.output<typeof HistoryMessage>;

/** A message that the gateway has accepted and not begun. */
const PendingInput = z.object({
  runId: z.string().catch(''),
  state: z.string().catch('queued'),
  message: z.object({ provenance: z.object({ kind: z.string() }).optional().catch(undefined) }).catch({}),
});

/** What `chat.history` answers; `GET /sessions/<key>/history` has the messages only. */
export const History = z.object({
  messages: z.array(HistoryMessage),
  sessionInfo: z
    .object({
      hasActiveRun: z.boolean().catch(false),
      activeRunIds: z.array(z.string()).catch([]),
      status: z.string().optional().catch(undefined),
    })
    .catch({ hasActiveRun: false, activeRunIds: [] }),
  inFlightRun: z.object({ runId: z.string() }).optional().catch(undefined),
  pendingInputs: z.object({ items: z.array(PendingInput) }).catch({ items: [] }),
  /** Where the rows before these begin, counted from the end; there are none where it is left out. */
  nextOffset: z.int().positive().optional().catch(undefined),
});
export type History = z.output<typeof History>;

/** What `chat.message.get` answers: one row without the cap that history has. */
export const FullMessage = z.object({ message: HistoryMessage });

/** A command that waits for a decision, as `exec.approval.list` answers. */
export const PendingApproval = z.object({
  id: z.string(),
  request: z.object({
    /** As people read it: what is not seen in it, such as the end of a line, is written out. */
    command: z.string(),
    cwd: z.string().nullish(),
    /** The names of variables that it gets besides; what is in them is not told. */
    envKeys: z
      .array(z.string())
      .nullish()
      .transform((keys) => keys ?? []),
    runId: z
      .string()
      .nullish()
      .transform((id) => id ?? ''),
    sessionKey: z
      .string()
      .nullish()
      .transform((key) => key ?? undefined),
  }),
});
export type PendingApproval = z.output<typeof PendingApproval>;
/** All of them; each is read by itself. */
export const PendingApprovals = z.array(z.unknown());

const AllowedCommand = z.looseObject({ pattern: z.string(), argPattern: z.string().optional() });

/** What may run without one, as `exec.approvals.get` answers; all of it is written back. */
export const ApprovalPolicy = z.object({
  hash: z.string(),
  file: z.looseObject({
    agents: z
      .record(z.string(), z.looseObject({ allowlist: z.array(AllowedCommand).optional() }))
      .default({}),
  }),
});

/** An event about a run. */
export const AgentEvent = z.object({
  runId: z.string(),
  stream: z.string(),
  sessionKey: z.string().optional().catch(undefined),
  data: z
    .object({
      phase: z.string().optional().catch(undefined),
      name: z.string().optional().catch(undefined),
      toolCallId: z.string().optional().catch(undefined),
      args: z.unknown().optional(),
      result: z.unknown().optional(),
      isError: z.boolean().catch(false),
      completed: z.boolean().catch(false),
      error: z.string().optional().catch(undefined),
      reason: z.string().optional().catch(undefined),
      message: z.string().optional().catch(undefined),
      model: z.string().nullish().catch(undefined),
      errorObservation: z
        .object({ failoverReason: z.string().optional().catch(undefined) })
        .optional()
        .catch(undefined),
    })
    .catch({ isError: false, completed: false }),
});
export type AgentEvent = z.output<typeof AgentEvent>;

/** The text of a history row, whose content is a string or a list of parts. */
export function historyText(message: HistoryMessage): string {
  const { content } = message;
  if (typeof content === 'string') return content;
  const parts = z.array(z.object({ type: z.string(), text: z.string().optional() })).safeParse(content);
  if (!parts.success) return '';
  return parts.data.flatMap(({ type, text }) => (type === 'text' && text ? [text] : [])).join('\n');
}

/** Whether a history row asks for a tool, so that it is not the end of its turn. */
export function callsTool(message: HistoryMessage): boolean {
  const parts = z.array(z.object({ type: z.string() })).safeParse(message.content);
  return (
    message.stopReason === 'toolUse' || (parts.success && parts.data.some(({ type }) => type === 'toolCall'))
  );
}
