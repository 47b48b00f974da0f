/** What a command ends with. A time-out is its own code, so that a script can tell it from a refusal. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, timeout: 3 } as const;

/** Ends a command: what happened and what to do about it, in sentences, and 1 for a failure or 2 for a wrong call. */
export class CliError extends Error {
  readonly remedy: string;
  readonly exitCode: number;

  constructor(
    message: string,
    remedy: string,
    options: { readonly exitCode?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'CliError';
    this.remedy = remedy;
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** The command was called in a way that cannot work. */
export function usageError(message: string, remedy: string): CliError {
  return new CliError(message, remedy, { exitCode: exitCodes.usage });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'there is no machine of that name',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
  UND_ERR_SOCKET: 'the connection was cut',
};

/** Why a server did not answer, in words; looks through what libraries wrap around the cause. */
export function connectionReason(error: unknown): string {
  let deepest = 'it did not answer';
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const code = 'code' in each ? REASONS[String(each.code)] : undefined;
    if (code) return code;
    if (each.name === 'DeadlineError') return 'nothing came back in time';
    deepest = each.message;
  }
  return deepest;
}
