import type { StatusName } from '../model.ts';
import type { World } from '../world.ts';

/** Sets a status by hand; a change is told to the user alone (facts §3.5). */
export function chooseStatus(world: World, userId: string, status: StatusName): void {
  if (world.store.statuses.choose(userId, status)) publishStatus(world, userId);
}

/** Notes that a user came or went; a status set by hand stays. */
export function observeStatus(world: World, userId: string, status: 'online' | 'offline'): void {
  if (world.store.statuses.observe(userId, status)) publishStatus(world, userId);
}

function publishStatus(world: World, userId: string): void {
  const { status } = world.store.statuses.get(userId);
  world.events.publish({ event: 'status_change', data: { status, user_id: userId }, target: { userId } });
}
