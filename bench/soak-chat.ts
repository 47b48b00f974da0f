import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Post } from '#integrations/mattermost/posts.ts';
import type { MattermostRest } from '#integrations/mattermost/rest.ts';
import { newNonce } from '#lib/id.ts';
import { ControlSurface } from '#test/control-surface.ts';
import { waitFor } from '#test/wait.ts';
import { type ChatFleet, say, startChatFleet } from './chat/fleet.ts';
import { round, summarize } from './statistics.ts';

const HELP = `Usage: npm run soak:chat [-- --minutes 60] [-- --agents 3] [-- --record <file>]

Mentions agents again and again while the chat server treats them badly, every 20 s in another way: sockets cut
or refused, events dropped, answers delayed, refused (429, 502) or lost, the server started anew. Every mention has to be answered
once, and be one task. Bus, control plane and daemons are real; the harness answers at once. Exit code 1 when one was not.

  --minutes <n>    for how long (default: 60)
  --agents <n>     agents in the one channel, mentioned by turns (default: 3)
  --record <file>  append the result to this file, one JSON object a line`;

const FAULT_EVERY_MS = 20_000;
const MENTION_EVERY_MS = 700;
const ALWAYS = new AbortController().signal;
const LAST_ANSWERS_WITHIN_MS = 120_000;

/** What is done to them, by turns. */
const FAULTS = [
  { name: 'cut', kind: 'cut-sockets' },
  { name: 'drop', kind: 'drop-events', count: 3 },
  { name: 'delay', kind: 'delay', ms: 1500 },
  { name: 'restart', kind: 'restart' },
  { name: 'rate limit', kind: 'fail-next', status: 429, count: 20 },
  { name: 'refuse', kind: 'cut-sockets', refuse: true },
  { name: 'bad gateway', kind: 'fail-next', status: 502, count: 20 },
  { name: 'lost answers', kind: 'answer-lost', count: 5, method: 'POST' },
] as const;
/** A fault that lasts is over after this long. */
const FAULT_LASTS_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    agents: { type: 'string', default: '3' },
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await main(Number(values.minutes), Number(values.agents), values.record)) ? 0 : 1;

async function main(minutes: number, agents: number, record: string | undefined): Promise<boolean> {
  if (!(minutes > 0)) throw new Error('--minutes needs a number of minutes, such as 60');
  const signal = AbortSignal.timeout(minutes * 60_000 + 600_000);
  await using fleet = await startChatFleet(agents, 0, signal);
  const over = AbortSignal.timeout(minutes * 60_000);
  const [asked, faults] = await Promise.all([
    mentionUntil(over, fleet),
    breakUntil(over, new ControlSurface(fleet.chat.adminUrl)),
  ]);
  const answers = await answersTo(fleet.person, asked, signal);
  const result = {
    endedAt: new Date().toISOString(),
    revision: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    ...{ minutes, agents, faults, mentions: asked.length, tasks: fleet.olympus.completed(), ...answers },
  };
  console.log(JSON.stringify(result));
  if (record !== undefined) appendFileSync(record, `${JSON.stringify(result)}\n`);
  return result.answeredOnce === result.mentions && result.tasks === result.mentions;
}

/** Mentions one agent after another; gives what was asked. */
async function mentionUntil(over: AbortSignal, { person, channelId, agents }: ChatFleet): Promise<Post[]> {
  const asked: Post[] = [];
  while (!over.aborted) {
    const text = `@${agents[asked.length % agents.length]} ${newNonce()}`;
    // The person is refused as well, and writes the same again: the server knows it by its marker.
    asked.push(await waitFor('the mention to be posted', () => say(person, channelId, text, ALWAYS)));
    await setTimeout(MENTION_EVERY_MS);
  }
  return asked;
}

/** Has one fault after another, and none at the end; says how often each was there. */
async function breakUntil(over: AbortSignal, chat: ControlSurface): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  for (let turn = 0; !over.aborted; turn++) {
    const { name, ...fault } = FAULTS[turn % FAULTS.length] ?? FAULTS[0];
    await chat.post('faults', fault);
    done[name] = (done[name] ?? 0) + 1;
    await setTimeout(FAULT_LASTS_MS);
    await chat.delete('faults');
    await setTimeout(FAULT_EVERY_MS - FAULT_LASTS_MS, undefined, { signal: over }).catch(() => undefined);
  }
  return done;
}

/** Waits until everything is answered, for a while, and counts how often it was. */
async function answersTo(person: MattermostRest, asked: readonly Post[], signal: AbortSignal) {
  const counts = { answeredOnce: 0, answeredTwice: 0, unanswered: 0 };
  const waits: number[] = [];
  const lastAt = performance.now() + LAST_ANSWERS_WITHIN_MS;
  for (const { id, create_at: askedAt } of asked) {
    const answers = async () => (await person.thread(id, signal)).filter(({ message }) => message === 'done');
    while ((await answers()).length === 0 && performance.now() < lastAt) await setTimeout(100);
    const [first, ...more] = await answers();
    if (!first) counts.unanswered += 1;
    else counts[more.length > 0 ? 'answeredTwice' : 'answeredOnce'] += 1;
    if (first) waits.push((first.create_at - askedAt) / 1000);
  }
  const { p50, p95, max } = summarize(waits);
  return { ...counts, 'until answered, s': { p50: round(p50), p95: round(p95), max: round(max) } };
}
