/**
 * What can go wrong outside of runs: one catalogue of codes. An OlympusError is thrown for what should not
 * happen and rises to somebody who can decide; results of runs use the classes of failures.ts instead.
 */
export const errorCodes = {
  message_invalid: {
    terminal: true,
    cause: 'A message on the bus does not match its schema.',
    remedy: 'Compare the versions of the agent and the control plane; upgrade the older one.',
  },
  bus_unavailable: {
    terminal: false,
    cause: 'nats-server did not answer.',
    remedy: 'Look at the unit nats on the hub. Work is kept and goes out when it is back.',
  },
  chat_unauthorized: {
    terminal: false,
    cause: 'Mattermost refuses the bot token, or the bot is disabled.',
    remedy:
      'Make a new token for the bot, write it to the token file of the agent and restart olympusd. Posts are kept meanwhile.',
  },
  chat_unavailable: {
    terminal: false,
    cause: 'Mattermost did not answer, or answered that it cannot now.',
    remedy: 'Look at the Mattermost server. Posts are kept and go out when it is back.',
  },
  chat_refused: {
    terminal: true,
    cause: 'Mattermost understood the call and refused it.',
    remedy: "Read the server's sentence in the message; usually the bot is not a member of the channel.",
  },
  gateway_unavailable: {
    terminal: false,
    cause: 'The OpenClaw gateway did not answer.',
    remedy: 'Look at openclaw-gateway on the agent.',
  },
  unit_not_restarted: {
    terminal: false,
    cause:
      'A turn did not end when it was told, and systemd did not restart its gateway in a way that proves that it has ended.',
    remedy:
      'It is tried again. Look at the unit on the agent with `systemctl status openclaw-gateway`, and at the rule in /etc/polkit-1/rules.d.',
  },
  lease_not_held: {
    terminal: false,
    cause: 'A daemon was to begin work while it did not hold the lease of its agent.',
    remedy: 'Nothing: the work comes again. `/readyz` of olympusd says why the lease is not held.',
  },
  api_unavailable: {
    terminal: false,
    cause: "The control plane's API did not take an answer that is too long for a message.",
    remedy:
      'Look at olympus-control, and at the way to it from the machine of the agent. The answer is kept meanwhile.',
  },
  github_unavailable: {
    terminal: false,
    cause: 'GitHub did not answer, or answered that it cannot now.',
    remedy:
      'Look at https://www.githubstatus.com and at the way there from the hub. What was missed is found when it is back.',
  },
  github_limited: {
    terminal: false,
    cause: 'GitHub takes no more requests of this identity for a while.',
    remedy:
      'Nothing: control goes on after it. Raise poll_minutes of `github` in the inventory if it comes again.',
  },
  github_unauthorized: {
    terminal: false,
    cause: 'GitHub refuses the identity: its key or token is wrong, has expired, or may not do this.',
    remedy:
      'Compare login, app, installation and the key in the vault with the pages of the App or token at GitHub; the message says what was asked.',
  },
  github_not_found: {
    terminal: false,
    cause: 'GitHub shows nothing of that name to this identity.',
    remedy:
      'Look at the name in `github` of the inventory, and whether the App is installed on the repository, or the token is for it.',
  },
  state_conflict: {
    terminal: true,
    cause: 'A task or run was asked to take a step its state does not allow.',
    remedy: 'Report it with the log: this is a fault in Olympus.',
  },
} as const satisfies Record<string, { terminal: boolean; cause: string; remedy: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a code of the catalogue. `terminal` says that trying again cannot help. */
export class OlympusError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'OlympusError';
    this.code = code;
  }

  get terminal(): boolean {
    return errorCodes[this.code].terminal;
  }
}

/** What an unknown thrown value has to say. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
