import { canRead } from '../actions/permissions.ts';
import { badUrlParam, channelNameNotFound, forbidden, teamNotFound } from '../errors.ts';
import { type Call, type Route, route } from '../http.ts';
import { isMattermostId } from '../ids.ts';
import type { Channel, Team, User } from '../model.ts';
import { renderTeam } from '../render.ts';
import type { World } from '../world.ts';
import { ownUserParam } from './users.ts';

/** Teams, and their channels by name. */
export function teamRoutes(world: World): Route[] {
  const { channels, users } = world.store;
  const visible = (team: Team | undefined, user: User): Team => {
    if (!team) throw teamNotFound();
    if (!channels.isInTeam(team.id, user.id) && !users.isSystemAdmin(user)) throw forbidden();
    return team;
  };
  const channelNamed = (teamId: string, call: Call & { user: User }): Channel => {
    const channel = channels.named(teamId, call.params['channel_name'] ?? '');
    if (!channel || !canRead(world.store, call.user, channel.id)) throw channelNameNotFound();
    return channel;
  };
  return [
    route('GET', '/teams/:team_id(^[A-Za-z0-9]+$)', (call) => ({
      body: renderTeam(visible(channels.team(teamIdParam(call)), call.user)),
    })),
    route('GET', '/teams/name/:team_name(^[A-Za-z0-9_-]+$)', (call) => ({
      body: renderTeam(visible(channels.teamNamed(call.params['team_name'] ?? ''), call.user)),
    })),
    route('GET', '/users/:user_id(^[A-Za-z0-9]+$)/teams', (call) => {
      const user = ownUserParam(world, call);
      const mine = channels.teams().filter((team) => channels.isInTeam(team.id, user.id));
      return { body: mine.map(renderTeam) };
    }),
    route(
      'GET',
      '/teams/name/:team_name(^[A-Za-z0-9_-]+$)/channels/name/:channel_name(^[A-Za-z0-9_-]+$)',
      (call) => {
        const team = visible(channels.teamNamed(call.params['team_name'] ?? ''), call.user);
        return { body: channelNamed(team.id, call) };
      },
    ),
    route('GET', '/teams/:team_id(^[A-Za-z0-9]+$)/channels/name/:channel_name(^[A-Za-z0-9_-]+$)', (call) => {
      const team = visible(channels.team(teamIdParam(call)), call.user);
      return { body: channelNamed(team.id, call) };
    }),
  ];
}

function teamIdParam(call: Call): string {
  const id = call.params['team_id'] ?? '';
  if (!isMattermostId(id)) throw badUrlParam('team_id');
  return id;
}
