const DOCUMENTATION = 'https://docs.github.com/rest';

export interface FieldError {
  readonly resource: string;
  readonly field: string;
  readonly code: string;
  readonly message?: string;
}

/** An answer that refuses, in GitHub's form. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: readonly (FieldError | string)[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    more: {
      readonly errors?: readonly (FieldError | string)[];
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }
}

/** The body of an answer that refuses. */
export function errorBody(status: number, message: string, errors: readonly unknown[] = []): object {
  return {
    message,
    ...(errors.length === 0 ? {} : { errors }),
    documentation_url: DOCUMENTATION,
    status: String(status),
  };
}

/** 404: not there, or not for this token to see. */
export function notFound(): ApiError {
  return new ApiError(404, 'Not Found');
}

/** 422 of a field. */
export function invalid(resource: string, field: string, code: string, message?: string): ApiError {
  return new ApiError(422, 'Validation Failed', {
    errors: [{ resource, field, code, ...(message === undefined ? {} : { message }) }],
  });
}

/** 422 with a sentence that is not about a field. */
export function unprocessable(message: string, errors: readonly string[] = []): ApiError {
  return new ApiError(422, message, { errors });
}
