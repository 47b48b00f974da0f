import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AgentView } from '#core/api.ts';
import type { Post, User } from '#integrations/mattermost/posts.ts';
import { MattermostRest } from '#integrations/mattermost/rest.ts';
import { newNonce } from '#lib/id.ts';
import { explainingChat } from '../chat-errors.ts';
import { missing } from '../checks/agents.ts';
import { exitCodes } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { duration } from '../format.ts';
import { checkMention, checkMessage, checkNoCommand, readMessage } from '../say/message.ts';
import { channelPlace, threadPlace } from '../say/place.ts';
import { findTargets, knownAgents } from '../say/targets.ts';
import { ThreadView } from '../say/thread-view.ts';
import { isLast, type Reply, type Standing, watchThread } from '../say/thread-watch.ts';
import { type ChatSettings, chatSettings } from '../settings.ts';

interface Options {
  readonly channel: string;
  readonly thread?: string;
  readonly timeout: number;
  readonly wait: boolean;
  readonly json?: boolean;
}

/** `olympus say "@athena …"`: asks in chat as the person, and follows the thread until it is answered. */
export function addSay(parent: Command, context: CliContext): void {
  parent
    .command('say')
    .description('say something to an agent in chat and follow the thread until it is answered')
    .argument(
      '<message...>',
      'what to say, with the @name of an agent where no thread has one; - reads standard input',
    )
    .option('--channel <name>', 'the channel to say it in', 'town-square')
    .addOption(new Option('--thread <post id>', 'go on in the thread of this post').conflicts('channel'))
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for the answer')
        .default(600)
        .argParser(parseSeconds),
    )
    .option('--no-wait', 'post it and return at once')
    .option('--json', 'print one JSON value, when it is over')
    .addHelpText(
      'after',
      `
Exit code: 0 when it was answered, 1 when an agent could not do it, 2 when the call is wrong,
3 when the time is over, 130 after Ctrl-C. The message stays posted in the last two cases.

Examples:
  $ olympus say "@athena create an issue for the TODO app"
  $ olympus say --thread 4xp9fdt7pbfr8g9s3cwoqcfxah "and one for its tests"
  $ git diff | (echo "@athena review this:"; cat) | olympus say -`,
    )
    .action(async (words: string[], options: Options) => {
      const message = await readMessage(words, context);
      checkMessage(message);
      checkNoCommand(message);
      const chat = chatSettings(context.settings);
      await explainingChat(chat.url, () => say(message, options, chat, context));
    });
}

async function say(
  message: string,
  options: Options,
  chat: ChatSettings,
  context: CliContext,
): Promise<void> {
  const { signal, out } = context;
  const agents = await knownAgents(context);
  if (!options.thread) checkMention(message, agents);
  const rest = new MattermostRest(chat.url, chat.token);
  const place = options.thread
    ? await threadPlace(rest, options.thread, signal)
    : await channelPlace(rest, chat.team, options.channel, signal);
  const targets = await findTargets(
    rest,
    { message, rootId: place.rootId, now: context.clock.now() },
    agents,
    signal,
  );
  warnOfAbsence(targets, agents, context);
  const post = await rest.post({ ...place, message, marks: { marker: newNonce(), depth: 0 } }, signal);
  const thread = post.root_id || post.id;

  if (options.wait) return follow(rest, post, targets, options, context);
  if (options.json) out.json({ thread, post: post.id, outcome: 'posted', agents: [], replies: [] });
  else out.print(`Posted in thread ${thread}.`);
}

/** Nothing is lost by asking an agent that is away, but who waits should know why. */
function warnOfAbsence(
  targets: readonly User[],
  agents: readonly AgentView[] | undefined,
  { out }: CliContext,
): void {
  for (const agent of agents ?? []) {
    if ((agent.phase === 'Ready' && !agent.drain) || !targets.some((user) => user.username === agent.name))
      continue;
    out.note(
      `${agent.name} is ${agent.drain ? 'drained' : agent.phase} just now (${missing(agent)}): it will answer once that is over. See \`olympus doctor\`.`,
    );
  }
}

async function follow(
  rest: MattermostRest,
  post: Post,
  targets: readonly User[],
  { timeout, json }: Options,
  context: CliContext,
): Promise<void> {
  const { clock, signal, out } = context;
  const startedAt = clock.now();
  const replies: Reply[] = [];
  const view = new ThreadView(context, post, targets);
  view.begin();
  let standing: Standing;
  try {
    standing = await watchThread({
      rest,
      post,
      targets,
      timeoutMs: timeout * 1000,
      clock,
      signal,
      onReply: (reply) => {
        replies.push(reply);
        if (!json) view.reply(reply);
      },
      onSign: (agent, sign) => view.sign(agent, sign),
      onReachable: (reachable) => view.reachable(reachable),
    });
  } catch (error) {
    view.cutShort();
    throw error;
  }
  const tookMs = clock.now() - startedAt;
  const outcome = outcomeOf(standing);
  if (json) {
    const agents = [...standing].map(([name, sign]) => ({ name, state: sign ?? 'silent' }));
    out.json({ thread: post.root_id || post.id, post: post.id, outcome, tookMs, agents, replies });
  }
  if (outcome === 'timeout') view.timedOut(standing, duration(timeout * 1000));
  else view.end(standing, duration(tookMs));
  context.exitWith(EXIT_CODES[outcome]);
}

type Outcome = 'done' | 'failed' | 'timeout';

const EXIT_CODES = {
  done: exitCodes.ok,
  failed: exitCodes.failed,
  timeout: exitCodes.timeout,
} as const satisfies Record<Outcome, number>;

function outcomeOf(standing: Standing): Outcome {
  const signs = [...standing.values()];
  if (!signs.every(isLast)) return 'timeout';
  return signs.includes('failed') ? 'failed' : 'done';
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError('Write a number of seconds, at most 86400.');
}
