import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { TaskDetail, TaskView } from '#core/api.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { newNonce } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { waitFor } from '#test/wait.ts';
import { BARE, type ChatFleet, say, startChatFleet, untilReacted } from './chat/fleet.ts';
import { round, type Summary, summarize } from './statistics.ts';

const HELP = `Usage: npm run bench:chat [-- --json] [-- --mentions 60] [-- --agents 1] [-- --posts 0]

Measures the path from a mention to its answer without model and gateway, one mention at a time: a real bus, a real
control plane, daemons whose harness answers at once, and the chat stand-in. Beside it, in the same run, a bare bot that
writes nothing down: it puts 👀 on a post as soon as it hears of it, then answers.

  --mentions <n>  how many of each (default: 60)
  --agents <n>    agents, all in the one channel and mentioned by turns (default: 1)
  --posts <n>     posts that the channel has already (default: 0)
  --json          print one JSON value`;

const WARM_UP = 5;

const { values } = parseArgs({
  options: {
    mentions: { type: 'string', default: '60' },
    agents: { type: 'string', default: '1' },
    posts: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else await main(Number(values.mentions), Number(values.agents), Number(values.posts));

async function main(mentions: number, agents: number, posts: number): Promise<void> {
  const signal = AbortSignal.timeout(1_800_000);
  // The library of the socket says on standard output what it does.
  const print = console.log;
  console.log = () => undefined;
  await using fleet = await startChatFleet(agents, posts, signal);
  const bare = await startBare(fleet);
  const samples = await measure(fleet, mentions, signal);
  await bare.stop();
  const report = { agents, posts, ...samples, load: round(loadavg()[0] ?? 0) };
  print(values.json ? JSON.stringify(report) : asTable(report));
}

/** By turns ours and the bare one; times are of the servers that wrote them, all on this machine's clock. */
async function measure(
  { olympus, person, channelId, agents }: ChatFleet,
  mentions: number,
  signal: AbortSignal,
) {
  const series = { eyes: [], started: [], replied: [], ours: [], bareEyes: [], bareReplied: [] } as {
    [name: string]: number[];
  };
  for (let index = 0; index < mentions + WARM_UP; index++) {
    const text = newNonce();
    const asked = await say(person, channelId, `@${agents[index % agents.length]} ${text}`, signal);
    const { reply, reactions } = await untilReacted(person, asked.id, 'white_check_mark', signal);
    const run = await runOf(text);
    const barely = await say(person, channelId, `@${BARE.name} ${text}`, signal);
    const answered = await untilReacted(person, barely.id, 'eyes', signal);
    if (index < WARM_UP) continue;
    const eyesAt = (of: typeof reactions): number =>
      of.find((each) => each.emoji_name === 'eyes')?.create_at ?? Number.NaN;
    const before = Date.parse(run.startedAt) - asked.create_at;
    const after = reply.create_at - Date.parse(run.finishedAt);
    series['eyes']?.push(eyesAt(reactions) - asked.create_at);
    series['started']?.push(before);
    series['replied']?.push(after);
    series['ours']?.push(before + after);
    series['bareEyes']?.push(eyesAt(answered.reactions) - barely.create_at);
    series['bareReplied']?.push(answered.reply.create_at - barely.create_at);
  }
  const of = (name: string): Summary => summarize(series[name] ?? []);
  return {
    eventToEyesMs: of('eyes'),
    eventToRunStartedMs: of('started'),
    resultToReplyMs: of('replied'),
    oursMs: of('ours'),
    bareEventToEyesMs: of('bareEyes'),
    bareEventToReplyMs: of('bareReplied'),
  };

  async function runOf(text: string) {
    const { tasks } = await olympus.api<{ tasks: unknown[] }>('/v1/tasks?limit=5');
    const task = tasks.map((each) => TaskView.parse(each)).find((each) => each.text === text);
    const run = TaskDetail.parse(await olympus.api(`/v1/tasks/${task?.id}`)).runs[0];
    if (!run?.startedAt || !run.finishedAt) throw new Error(`the run of "${text}" has no times`);
    return { startedAt: run.startedAt, finishedAt: run.finishedAt };
  }
}

/** What a mention costs that is only heard and answered: no journal, no bus, no control. */
async function startBare({ chat }: ChatFleet): Promise<MattermostChat> {
  const { signal } = new AbortController();
  const bare = new MattermostChat({
    url: chat.url,
    token: BARE.token,
    log: createLogger({ name: 'bare', level: 'error' }),
    onRevised: () => undefined,
    onReaction: () => undefined,
    onGap: () => undefined,
    async onPosted({ post }) {
      const myId = bare.me?.id;
      if (!myId || !post.message.startsWith(`@${BARE.name} `)) return;
      const { channel_id: channelId, id: rootId } = post;
      await bare.rest.react(myId, rootId, 'eyes', signal);
      await bare.rest.post(
        { channelId, rootId, message: 'done', marks: { marker: rootId, depth: 0 } },
        signal,
      );
    },
  });
  await bare.start();
  await waitFor('the bare bot to hear', () => bare.health().ready);
  return bare;
}

type Report = Awaited<ReturnType<typeof measure>> & {
  readonly agents: number;
  readonly posts: number;
  readonly load: number;
};

function asTable(report: Report): string {
  const row = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(32)} ${cells.map((cell) => cell.padStart(8)).join('')}`;
  const line = (name: string, { p50, p95, max }: Summary): string =>
    row(
      name,
      [p50, p95, max].map((each) => String(round(each))),
    );
  const { oursMs, eventToEyesMs, bareEventToEyesMs, bareEventToReplyMs } = report;
  return [
    `${report.agents} agents in a channel of ${report.posts} posts and more; load average (1 min) ${report.load}`,
    row('milliseconds', ['p50', 'p95', 'max']),
    line('event → 👀', eventToEyesMs),
    line('event → run started', report.eventToRunStartedMs),
    line('result → reply', report.resultToReplyMs),
    line('both: what is ours', oursMs),
    line('a bare bot: event → 👀', bareEventToEyesMs),
    line('a bare bot: event → reply', bareEventToReplyMs),
    `ours ÷ bare at p50: 👀 ${round(eventToEyesMs.p50 / bareEventToEyesMs.p50)}, answer ${round(oursMs.p50 / bareEventToReplyMs.p50)}`,
  ].join('\n');
}
