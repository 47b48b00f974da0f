import { ApiError, notFound } from '../errors.ts';
import { showProfile } from '../render/accounts.ts';
import { actorRoute, publicRoute, type Route } from '../routes.ts';

/** Accounts. */
export const userRoutes: readonly Route[] = [
  actorRoute('GET', '/user', ({ world, caller }) => {
    if (caller.kind === 'installation') throw new ApiError(403, 'Resource not accessible by integration');
    return { body: showProfile(world, caller.account) };
  }),

  publicRoute('GET', '/users/:login', ({ world, params }) => {
    const account = world.state.accountNamed(params['login'] ?? '');
    if (!account) throw notFound();
    return { body: showProfile(world, account) };
  }),
];
