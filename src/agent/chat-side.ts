import type { Harness } from '#core/harness.ts';
import type { Manifest } from '#core/manifest.ts';
import type { Subjects } from '#core/subjects.ts';
import { MattermostChat } from '#integrations/mattermost/chat.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import type { Clock } from '#lib/clock.ts';
import type { Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Relay } from '#lib/relay.ts';
import type { AgentConfig } from './config.ts';
import type { Journal } from './journal/journal.ts';
import type { ControlApi } from './parts/control-api.ts';
import { fileLimits } from './parts/file-limits.ts';
import { Inbox } from './parts/inbox.ts';
import type { Lease } from './parts/lease.ts';
import { Notices } from './parts/notices.ts';
import { chatPresence, type Presence } from './parts/presence.ts';
import { ProgressPosts } from './parts/progress.ts';
import { chatSender } from './parts/send-chat.ts';
import { filesSender } from './parts/send-files.ts';
import { standingHandler } from './parts/standing.ts';

export interface ChatSideOptions {
  readonly config: AgentConfig;
  readonly manifest: Manifest;
  readonly subjects: Subjects;
  /** The agent's own account. */
  readonly account: { readonly url: string; readonly token: string };
  readonly journal: Journal;
  readonly bus: BusConnection;
  readonly harness: Harness;
  readonly lease: Lease;
  /** Where files are kept that come with a message. */
  readonly controlApi: ControlApi | undefined;
  /** Called after something was added to the outbox for the bus. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** All of a daemon that has to do with chat; an agent without an account there runs without it. */
export interface ChatSide {
  readonly chat: MattermostChat;
  /** In start order. */
  readonly parts: readonly Part[];
  readonly presence: Presence;
  /** To be called after something was added to the outbox for chat. */
  wake(): void;
}

/** Builds it; nothing of it runs before its parts are started. */
export function createChatSide(options: ChatSideOptions): ChatSide {
  const { config, manifest, subjects, account, journal, bus, harness, lease, log, clock } = options;
  const part = (name: string): Logger => log.child({ part: name });
  const chat = new MattermostChat({
    url: account.url,
    token: account.token,
    pingEveryMs: config.OLYMPUS_CHAT_PING_MS,
    onPosted: (event) => inbox.posted(event),
    onRevised: (post, what) => inbox.revised(post, what),
    onReaction: (reaction) => inbox.reacted(reaction),
    onGap: () => inbox.gap(),
    log: part('chat'),
    clock,
  });
  const relay = new Relay({
    name: 'outbox chat',
    source: journal.outbox.source('chat'),
    send: chatSender(chat, journal.outbox, log),
    // A thread is read in the order in which it was written.
    atOnce: 1,
    log: part('outbox chat'),
    clock,
  });
  const filesRelay = new Relay({
    name: 'outbox files',
    source: journal.outbox.source('files'),
    send: filesSender({
      rest: chat.rest,
      api: options.controlApi,
      limits: fileLimits(config.OLYMPUS_FILES_BYTES, config.OLYMPUS_FILES_TYPES),
      journal,
      onAdded: () => onAdded(),
      log: part('outbox files'),
      clock,
    }),
    atOnce: 1,
    log: part('outbox files'),
    clock,
  });
  const onAdded = (): void => {
    relay.wake();
    filesRelay.wake();
    options.onAdded();
  };
  const inbox = new Inbox({
    fleet: config.OLYMPUS_FLEET,
    manifest,
    subjects,
    serverName: new URL(account.url).host,
    chat,
    journal,
    lease,
    onAdded,
    log: part('inbox'),
    clock,
  });
  const notices = new Notices({
    journal,
    bus,
    harness,
    lease,
    afterMs: config.OLYMPUS_NOTICE_AFTER_MS,
    onAdded,
    log: part('notices'),
    clock,
  });
  const progress = new ProgressPosts({
    chat,
    journal,
    lease,
    afterMs: manifest.channels.progress ? config.OLYMPUS_PROGRESS_POST_MS : Number.POSITIVE_INFINITY,
    log: part('progress'),
    clock,
  });
  const { name } = manifest;
  bus.serve(subjects.control(name, 'standing'), standingHandler(name, chat.rest));
  return {
    chat,
    parts: [relay, filesRelay, inbox, chat, notices, progress],
    presence: chatPresence(chat, journal, progress),
    wake: () => relay.wake(),
  };
}
