/**
 * Every way a run can fail, as data: what it means, whether another attempt may help, and what to tell whom.
 * docs/reference/errors.md is generated from this table.
 */
export interface FailureClass {
  /** What happened, for the operator. */
  readonly cause: string;
  readonly retryable: boolean;
  /** Runs in all, the first one included. */
  readonly maxAttempts: number;
  readonly backoff: { readonly baseMs: number; readonly capMs: number };
  /** What the operator can do. */
  readonly remedy: string;
  /** What the person who asked is told. */
  readonly sentence: string;
}

const NEVER = { retryable: false, maxAttempts: 1, backoff: { baseMs: 0, capMs: 0 } } as const;
const SHORTLY = { retryable: true, maxAttempts: 3, backoff: { baseMs: 2_000, capMs: 60_000 } } as const;

export const failureClasses = {
  invalid_input: {
    ...NEVER,
    cause: 'The task holds something the agent or the model cannot take.',
    remedy: 'Read the task with `olympus task show`, correct the input and ask again.',
    sentence: 'the request could not be understood by the model server',
  },
  input_unavailable: {
    ...NEVER,
    cause:
      "The control plane's API does not have the whole of a long text, which it keeps for 30 days, or may not give it out.",
    remedy: 'The message of the run says why: `olympus task show`. If the text is gone, ask again with it.',
    sentence: 'the whole of what I was asked could not be fetched',
  },
  config_invalid: {
    ...NEVER,
    cause: 'The agent or its gateway is configured wrongly.',
    remedy: 'Run `olympus doctor`; read the log of olympusd on that agent.',
    sentence: 'my configuration is wrong; an operator has to look at it',
  },
  gateway_unready: {
    ...SHORTLY,
    cause: 'The OpenClaw gateway did not answer, or was restarting.',
    remedy: 'Look at openclaw-gateway on the agent: `systemctl status openclaw-gateway`.',
    sentence: 'my OpenClaw gateway does not answer',
  },
  model_rate_limited: {
    ...SHORTLY,
    maxAttempts: 2,
    cause: 'The model provider answered 429: too many requests.',
    remedy: 'Wait, lower concurrency, or raise the limit with the provider.',
    sentence: 'the model provider is limiting requests (429)',
  },
  model_overloaded: {
    ...SHORTLY,
    maxAttempts: 2,
    cause: 'The model provider failed (5xx) or could not be reached.',
    remedy: "Look at the provider's status page; choose another model alias.",
    sentence: 'the model provider is failing (5xx)',
  },
  model_auth: {
    ...NEVER,
    cause:
      'The model provider refused the key (401 or 403). The gateway refuses further turns for about a minute.',
    remedy: "Replace the key in the agent's model key file; then ask again.",
    sentence: 'the model provider refuses my key (401)',
  },
  agent_lost: {
    ...SHORTLY,
    cause: 'Another daemon of the agent took over and left the run too, or died with it.',
    remedy: 'See that one machine only runs this agent; the log of olympusd says who waits for the lease.',
    sentence: 'I was replaced while I was at work on it',
  },
  empty_output: {
    ...NEVER,
    cause: 'The turn ended without any text.',
    remedy: "Look at the session in the agent's OpenClaw dashboard.",
    sentence: 'the model gave no answer',
  },
  stuck_loop: {
    ...NEVER,
    cause: 'The agent repeated the same step until the loop guard stopped it.',
    remedy:
      'See with `olympus task show` whether the lead was asked instead (child); look at the tool calls of the session; ask with more detail.',
    sentence: 'I went round in circles and was stopped',
  },
  timeout_run: {
    ...NEVER,
    cause: 'The run did not end within its start-to-close limit and was aborted.',
    remedy: 'Raise `limits.run_timeout` in the manifest, or split the task.',
    sentence: 'I ran out of time',
  },
  dependency_failed: {
    ...NEVER,
    cause: 'A task that it was to come after did not succeed.',
    remedy: 'Look at that task; when it is done after all, `olympus task retry` this one.',
    sentence: 'something that had to be done before it was not',
  },
  cancelled: {
    ...NEVER,
    cause: 'Somebody cancelled the task.',
    remedy: 'Nothing, unless it was not meant.',
    sentence: 'the task was cancelled',
  },
  internal: {
    ...NEVER,
    cause: 'A fault in Olympus or the gateway that has no class of its own.',
    remedy: 'Keep the log around the time of the run and report it.',
    sentence: 'something broke inside',
  },
} as const satisfies Record<string, FailureClass>;

export type FailureCode = keyof typeof failureClasses;

export const failureCodes = Object.keys(failureClasses) as [FailureCode, ...FailureCode[]];

/** The class with which the reason of a failed task begins: `<class>`, or `<class>: <more>`. */
export function failureCodeOf(reason: string | undefined): FailureCode | undefined {
  const code = reason?.split(':')[0];
  return failureCodes.find((each) => each === code);
}
