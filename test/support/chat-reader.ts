import { Manifest } from '#core/manifest.ts';
import { subjectsOf } from '#core/subjects.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import { type Clock, systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { Inbox } from '../../src/agent/parts/inbox.ts';
import { waitFor } from './wait.ts';

const log = createLogger({ name: 'test', level: 'silent' });

/** What is on its way to control: a request, what revises one, or a command. */
interface Said {
  readonly text?: string;
  readonly channel?: string;
  readonly requester?: Readonly<Record<string, unknown>>;
}

export interface ChatReaderOptions {
  readonly url: string;
  /** Where its journal is, which outlives it. */
  readonly stateDir: string;
  readonly token?: string;
  readonly pingEveryMs?: number;
  /** Of its connection to chat. */
  readonly clock?: Clock;
  /** May put something in the way of its calls. */
  readonly change?: (chat: MattermostChat) => void;
}

/** The part of athena's daemon that reads chat, over a journal that outlives it. */
export async function startChatReader({
  url,
  stateDir,
  token = 'athena-token',
  pingEveryMs = 30_000,
  clock = systemClock,
  change = () => undefined,
}: ChatReaderOptions) {
  const journal = new Journal({ stateDir, clock: systemClock });
  await journal.start();
  const chat: MattermostChat = new MattermostChat({
    ...{ url, token, pingEveryMs, clock, log },
    onPosted: (event) => inbox.posted(event),
    onRevised: (post, what) => inbox.revised(post, what),
    onReaction: (reaction) => inbox.reacted(reaction),
    onGap: () => inbox.gap(),
  });
  change(chat);
  const inbox = new Inbox({
    ...{ fleet: 'f1', subjects: subjectsOf('f1'), serverName: 'chat', chat, journal, log },
    manifest: Manifest.parse({ name: 'athena', role: 'lead', domains: ['planning'] }),
    lease: { waiting: false },
    onAdded: () => undefined,
    clock: systemClock,
  });
  await inbox.start();
  await chat.start();
  const messages = async (): Promise<{ data: Said; olympusdepth?: number }[]> =>
    (await journal.outbox.source('bus').next(10_000, [])).map(({ payload }) =>
      JSON.parse((payload as { body: string }).body),
    );
  /** The texts of what is on its way to control; undefined for a deletion. */
  const said = async (): Promise<(string | undefined)[]> => (await messages()).map(({ data }) => data.text);
  const untilSaid = (text: string | undefined) =>
    waitFor(`${text} to be on its way`, async () => (await said()).includes(text));
  return {
    ...{ chat, inbox, said, untilSaid },
    /** The request, or command, of this text, once it is on its way. */
    asked: (text: string) =>
      waitFor(`${text} to be on its way`, async () => {
        const found = (await messages()).find(({ data }) => data.text === text);
        if (found) return found;
        throw new Error(`on its way is ${JSON.stringify(await said())}`);
      }),
    async [Symbol.asyncDispose]() {
      await inbox.stop();
      await chat.stop();
      await journal.stop();
    },
  };
}

export type ChatReader = Awaited<ReturnType<typeof startChatReader>>;
