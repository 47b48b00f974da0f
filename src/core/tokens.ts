import { z } from 'zod';

/** One token of a subject: agent names, domains, kinds, ids. No user text ever becomes one. */
export const Token = z.string().regex(/^[a-z0-9_-]{1,64}$/, 'use 1 to 64 of: a-z, 0-9, _ and -');

const RESERVED_FLEETS = new Set(['roundtable', 'knight']);

/** A fleet id: a token that is not the first token of a shared subject. */
export const FleetId = Token.refine((id) => !RESERVED_FLEETS.has(id), {
  error: (issue) => `${String(issue.input)} is reserved; choose another fleet id`,
});

/** The control plane's own name on the bus: of its consumers, and of requests that come in by its API. */
export const CONTROL_NAME = 'control';

/** The name of an agent: a token that is not the control plane's own name. */
export const AgentName = Token.refine((name) => name !== CONTROL_NAME, {
  error: `${CONTROL_NAME} is the name of the control plane; choose another for the agent`,
});
