/** The person's account. */
export const HUMAN = 'human';

/** Who is on a chat stand-in: one person and a bot for each agent. */
export interface ChatSeedOptions {
  readonly team: string;
  readonly humanToken: string;
  /** Agent name → token of its bot account. */
  readonly bots: Readonly<Record<string, string>>;
}

/** The seed of a chat stand-in for a fleet. */
export function chatSeed({ team, humanToken, bots }: ChatSeedOptions) {
  return {
    team: { name: team, displayName: team.charAt(0).toUpperCase() + team.slice(1) },
    users: [{ username: HUMAN, token: humanToken, displayName: 'A person' }],
    bots: Object.entries(bots)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([username, token]) => ({
        username,
        token,
        displayName: username,
        description: `agent ${username}`,
      })),
    channels: [{ name: 'leads', displayName: 'Leads', type: 'O' }],
  };
}
