import { ChatCommandRequest } from '#core/messages/chat-command.ts';
import { Heartbeat } from '#core/messages/heartbeat.ts';
import { TaskCreate } from '#core/messages/task-create.ts';
import { newId, newNonce } from '#lib/id.ts';

/** A heartbeat of an agent that a test plays itself. */
export function heartbeatOf(
  agent: string,
  says: {
    readonly concurrency?: number;
    readonly runs?: string[];
    readonly role?: string;
    readonly domains?: string[];
    readonly duty?: 'working' | 'draining' | 'drained';
    readonly chat?: Heartbeat['data']['chat'];
    readonly conditions?: Heartbeat['data']['conditions'];
    readonly delegatesTo?: string[];
  } = {},
): Heartbeat {
  return Heartbeat.create(headOf(`agent/${agent}`), {
    agent,
    role: says.role ?? 'specialist',
    domains: says.domains ?? ['planning'],
    version: 'test',
    startedAt: new Date().toISOString(),
    everyMs: 600_000,
    ready: true,
    conditions: says.conditions ?? [],
    limits: { concurrency: says.concurrency ?? 1, depth: 3, runTimeoutMs: 60_000 },
    runs: says.runs ?? [],
    ...(says.duty ? { duty: says.duty } : {}),
    ...(says.delegatesTo ? { delegatesTo: says.delegatesTo } : {}),
    ...(says.chat ? { chat: says.chat } : {}),
  });
}

/** A request for a task of this agent, by a person; each is another one. */
export function requestOf(agent: string, text: string, dedupKey = newId(Date.now())): TaskCreate {
  return TaskCreate.create(headOf(`request/${dedupKey}`), {
    dedupKey,
    agent,
    text,
    requester: { id: 'u1', name: 'ada', kind: 'human' },
  });
}

/** The same as it comes from a thread in chat; each is in another one. */
export function chatRequestOf(agent: string, text: string, postId = newNonce()): TaskCreate {
  const { data, ...head } = requestOf(agent, text);
  const conversation = {
    id: `mm-${postId}`,
    surface: 'mattermost' as const,
    channelId: 'c1',
    rootId: postId,
    postId,
  };
  return { ...head, data: { ...data, conversation } };
}

/** What a person says to the control plane in the thread of a post, or as a post of its own. */
export function chatCommandOf(
  text: string,
  said: {
    id?: string;
    name?: string;
    standing?: 'guest' | 'deactivated';
    thread?: string;
    channel?: string;
    direct?: boolean;
    saidAt?: number;
  } = {},
): ChatCommandRequest {
  const postId = newNonce();
  const {
    id = 'u1',
    name = 'ada',
    standing = 'member',
    thread = postId,
    channel = 'c1',
    saidAt = Date.now(),
  } = said;
  const rootId = said.direct ? '' : thread;
  return ChatCommandRequest.create(headOf(`post/${postId}`), {
    key: `mm:chat:${postId}`,
    text,
    saidAt: new Date(saidAt).toISOString(),
    conversation: { id: `mm-${thread}`, surface: 'mattermost', channelId: channel, rootId, postId },
    requester: { id, name, standing },
  });
}

function headOf(subject: string) {
  return { id: newId(Date.now()), source: '/test', subject, time: new Date().toISOString() };
}
