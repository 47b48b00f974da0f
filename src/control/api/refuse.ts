import type { ApiError } from '#core/api.ts';

/** The body of a refusal: a code for programs, a sentence for people. */
export function refuse(code: string, message: string): ApiError {
  return { code, message };
}
