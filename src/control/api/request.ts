import { z } from 'zod';

/** What was asked of the API cannot be read; the message says what is wrong, and where. */
export class InvalidRequest extends Error {}

/** A part of a request, read as `schema`. Throws `InvalidRequest`, which becomes a refusal with its sentence. */
export function readRequest<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new InvalidRequest(z.prettifyError(parsed.error));
}
