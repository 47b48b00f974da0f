/** An answer that refuses, in the form of Mattermost's AppError (facts §3.1). */
export class ApiError extends Error {
  readonly id: string;
  readonly status: number;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.id = id;
    this.status = status;
  }
}

/** 401 for no, a bad or a revoked token and for a disabled bot alike (recorded: exchanges 1 and 2). */
export function sessionExpired(): ApiError {
  return new ApiError(
    401,
    'api.context.session_expired.app_error',
    'Invalid or expired session, please login again.',
  );
}

/** 403, also for a missing channel_id and for a channel one is not in (recorded: 7, 49, 52, 53). */
export function forbidden(): ApiError {
  return new ApiError(
    403,
    'api.context.permissions.app_error',
    'You do not have the appropriate permissions.',
  );
}

/** 400 for a malformed id in the path (recorded: 5). */
export function badUrlParam(name: string): ApiError {
  return new ApiError(
    400,
    'api.context.invalid_url_param.app_error',
    `Invalid or missing ${name} parameter in request URL.`,
  );
}

/** 400 for a body that does not parse or lacks a field (recorded: 6). */
export function badBodyParam(name: string): ApiError {
  return new ApiError(
    400,
    'api.context.invalid_body_param.app_error',
    `Invalid or missing ${name} in request body.`,
  );
}

/** 413 for a JSON body over MaximumPayloadSizeBytes (recorded: 64). */
export function bodyTooLarge(): ApiError {
  return new ApiError(
    413,
    'api.context.request_body_too_large.app_error',
    'Unable to process request. Request body too large.',
  );
}

/** 404 for a post that is not there or is deleted (recorded: 4 and 60). */
export function postNotFound(): ApiError {
  return new ApiError(404, 'app.post.get.app_error', 'Unable to get the post.');
}

/** 404 for a user (server i18n). */
export function userNotFound(): ApiError {
  return new ApiError(404, 'app.user.missing_account.const', 'Unable to find the user.');
}

/** 404 for a channel by id (server i18n). */
export function channelNotFound(): ApiError {
  return new ApiError(404, 'app.channel.get.existing.app_error', 'Unable to find the existing channel.');
}

/** 404 for a channel by name (server i18n). */
export function channelNameNotFound(): ApiError {
  return new ApiError(404, 'app.channel.get_by_name.missing.app_error', 'Channel does not exist.');
}

/** 404 for a team (server i18n). */
export function teamNotFound(): ApiError {
  return new ApiError(404, 'app.team.get_by_name.missing.app_error', 'Unable to find the existing team.');
}

/** 404 for a bot (server i18n). */
export function botNotFound(): ApiError {
  return new ApiError(404, 'store.sql_bot.get.missing.app_error', 'Bot does not exist.');
}

/** 404 for a file (server i18n). */
export function fileNotFound(): ApiError {
  return new ApiError(404, 'app.file_info.get.app_error', 'Unable to get the file info.');
}

/** The body of an unknown route: no request id and no version header go with it (recorded: 3, 82, 84, 88). */
export function unknownRouteBody(path: string): object {
  return {
    id: 'api.context.404.app_error',
    message: 'Sorry, we could not find the page.',
    detailed_error: `There doesn't appear to be an api call for the url='${path}'.  Typo? are you missing a team_id or user_id as part of the url?`,
    status_code: 404,
  };
}
