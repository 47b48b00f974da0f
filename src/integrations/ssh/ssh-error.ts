/** Why a machine could not be reached or a command not be run on it. */
export type SshErrorKind =
  | 'no_ssh'
  | 'not_configured'
  | 'unreachable'
  | 'host_key'
  | 'refused'
  | 'timeout'
  | 'cut'
  | 'too_much';

/** A machine that could not be reached over SSH, or a command that could not be run there: what happened, and what to do. */
export class SshError extends Error {
  readonly kind: SshErrorKind;
  readonly machine: string;
  readonly remedy: string;

  constructor(
    kind: SshErrorKind,
    machine: string,
    message: string,
    remedy: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'SshError';
    this.kind = kind;
    this.machine = machine;
    this.remedy = remedy;
  }
}
