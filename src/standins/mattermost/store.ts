import type { Clock } from '#lib/clock.ts';
import { ChannelStore } from './store/channels.ts';
import { DedupeMemory } from './store/dedupe.ts';
import { FileStore } from './store/files.ts';
import { PostStore } from './store/posts.ts';
import { StatusStore } from './store/statuses.ts';
import type { Tables } from './store/tables.ts';
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

/** A server that knows what is in the tables, and nobody's presence yet. */
export function createStore(clock: Clock, tables: Tables): Store {
  return {
    users: new UserStore(clock, tables),
    channels: new ChannelStore(clock, tables),
    posts: new PostStore(tables),
    threads: new ThreadStore(tables),
    statuses: new StatusStore(clock),
    files: new FileStore(tables),
    dedupe: new DedupeMemory(clock),
  };
}
