import type { Clock } from '#lib/clock.ts';
import { ChannelStore } from './store/channels.ts';
import { DedupeMemory } from './store/dedupe.ts';
import { FileStore } from './store/files.ts';
import { PostStore } from './store/posts.ts';
import { StatusStore } from './store/statuses.ts';
import { ThreadStore } from './store/threads.ts';
import { UserStore } from './store/users.ts';

/** Everything the server knows. */
export interface Store {
  readonly users: UserStore;
  readonly channels: ChannelStore;
  readonly posts: PostStore;
  readonly threads: ThreadStore;
  readonly statuses: StatusStore;
  readonly files: FileStore;
  readonly dedupe: DedupeMemory;
}

/** A server that knows nothing yet. */
export function createStore(clock: Clock): Store {
  return {
    users: new UserStore(clock),
    channels: new ChannelStore(clock),
    posts: new PostStore(),
    threads: new ThreadStore(),
    statuses: new StatusStore(clock),
    files: new FileStore(),
    dedupe: new DedupeMemory(clock),
  };
}
