import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { explainingChat } from '../chat-errors.ts';
import { CliError } from '../cli-error.ts';
import { chatSettings, type Settings } from '../settings.ts';
import { type Check, failed, passed } from './check.ts';

/** Whether the person can talk: the server answers, takes the token, and has the team. */
export async function chatChecks(
  settings: Settings,
  signal: AbortSignal,
): Promise<{ checks: Check[]; notChecked: string[] }> {
  const checks: Check[] = [];
  const steps = ['chat', 'chat token', 'chat team'] as const;
  let step: (typeof steps)[number] = 'chat';
  try {
    const { url, token, team } = chatSettings(settings);
    const rest = new MattermostRest(url, token);
    await explainingChat(url, async () => {
      await rest.ping(signal);
      checks.push(passed(step, `Mattermost answers at ${url}`));
      step = 'chat token';
      const me = await rest.me(signal);
      checks.push(passed(step, `accepted, you are @${me.username}`));
      step = 'chat team';
      const found = await rest.channelNamed(team, 'town-square', signal);
      checks.push(
        found
          ? passed(step, `${team}, and you are in it`)
          : failed(
              step,
              `no team ${team}, or you are not in it`,
              'Correct OLYMPUS_MATTERMOST_TEAM, or join the team.',
            ),
      );
    });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    checks.push(failed(step, error.message, error.remedy));
  }
  return { checks, notChecked: steps.slice(checks.length) };
}
