/** Where an event goes and what its `broadcast` says. */
export interface EventTarget {
  readonly userId?: string;
  readonly channelId?: string;
  readonly teamId?: string;
  readonly omitUsers?: readonly string[];
  readonly sanitized?: boolean;
}

/** An event before it has a receiver. `dataFor` gives the fields that only some receivers see. */
export interface ServerEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly target: EventTarget;
  readonly dataFor?: (userId: string) => Readonly<Record<string, unknown>>;
}

/** The `broadcast` object of an event (recorded on every frame). */
export function broadcastOf(target: EventTarget): Record<string, unknown> {
  const omitted = target.omitUsers && Object.fromEntries(target.omitUsers.map((id) => [id, true]));
  return {
    omit_users: omitted ?? null,
    user_id: target.userId ?? '',
    channel_id: target.channelId ?? '',
    team_id: target.teamId ?? '',
    connection_id: '',
    omit_connection_id: '',
    ...(target.sanitized ? { contains_sanitized_data: true } : {}),
  };
}

/** Sends events to whoever may see them. */
export interface Publisher {
  publish(event: ServerEvent): void;
}
