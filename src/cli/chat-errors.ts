import { OlympusError } from '#core/errors.ts';
import { CliError, connectionReason } from './cli-error.ts';

/** Runs `work` and turns what Mattermost at `url` made fail into a sentence for the person. */
export async function explainingChat<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof OlympusError ? explained(error, url) : error;
  }
}

function explained(error: OlympusError, url: string): CliError {
  const cause = { cause: error };
  switch (error.code) {
    case 'chat_unauthorized':
      return new CliError(
        `Mattermost at ${url} does not accept the token (401).`,
        'Make a new one in Mattermost under Profile › Security › Personal Access Tokens and set OLYMPUS_MATTERMOST_TOKEN.',
        cause,
      );
    case 'chat_unavailable':
      return new CliError(
        `Mattermost at ${url} does not answer: ${connectionReason(error)}.`,
        'Is it running, and is OLYMPUS_MATTERMOST_URL right?',
        cause,
      );
    default:
      return new CliError(
        `Mattermost at ${url} refused: ${error.message}.`,
        'Usually you are not a member of the channel: join it in Mattermost first.',
        cause,
      );
  }
}
