import { chatSigns } from '#core/chat-signs.ts';
import type { Conversation } from '#core/conversation.ts';
import type { Manifest } from '#core/manifest.ts';
import { ChatCommandRequest } from '#core/messages/chat-command.ts';
import type { Subjects } from '#core/subjects.ts';
import { isGuest, type User } from '#integrations/mattermost/posts.ts';
import type { Clock } from '#lib/clock.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { Journal } from '../journal/journal.ts';
import { ORDERED } from '../journal/outbox-store.ts';

/** Stands where others have the agent that is asked. */
export const TARGET = '!olympus';

/** What of the daemon it takes to ask control for something. */
export interface Surroundings {
  readonly fleet: string;
  readonly manifest: Pick<Manifest, 'name'>;
  readonly subjects: Subjects;
  readonly serverName: string;
  readonly journal: Journal;
  readonly clock: Clock;
}

/** What somebody said to the control plane. */
interface Heard {
  /** Of the post, or of whatever else it was said by; what control does once goes by this. */
  readonly id: string;
  /** When, by the clock of the chat server (Unix ms). */
  readonly saidAt: number;
  readonly conversation: Conversation;
  readonly requester: User;
  readonly text: string;
  /** Whether this agent is the one that shows that it was seen, and says so when nobody answers. */
  readonly shows: boolean;
}

/** Writes down that a command goes to control, whoever else brings it too. Done again, it changes nothing. */
export function passOn(
  { fleet, manifest, subjects, serverName, journal, clock }: Surroundings,
  { id, saidAt, conversation, requester, text, shows }: Heard,
): Promise<void> {
  const key = `mm:${serverName}:${id}`;
  const { postId } = conversation;
  const request = ChatCommandRequest.create(
    {
      id: newId(clock.now()),
      source: `/fleets/${fleet}/agents/${manifest.name}`,
      subject: `post/${postId}`,
      time: new Date(clock.now()).toISOString(),
      olympusorigin: `mattermost:post:${postId}`,
    },
    {
      key,
      text,
      saidAt: new Date(saidAt).toISOString(),
      conversation,
      requester: { id: requester.id, name: requester.username, standing: standingOf(requester) },
    },
  );
  return journal.transaction(() => {
    if (id === postId) journal.inbox.advance(conversation.channelId, saidAt);
    if (shows && journal.inbox.add(postId, TARGET, conversation)) {
      journal.outbox.addChat(`eyes:${postId}`, { kind: 'react', postId, emoji: chatSigns.received });
    }
    journal.outbox.addBus(`${ORDERED}${id}`, {
      subject: subjects.request(manifest.name, 'chat-command'),
      msgId: `command:${id}:${newNonce()}`,
      body: JSON.stringify(request),
    });
  });
}

function standingOf(user: User): ChatCommandRequest['data']['requester']['standing'] {
  if (user.delete_at > 0) return 'deactivated';
  return isGuest(user) ? 'guest' : 'member';
}
