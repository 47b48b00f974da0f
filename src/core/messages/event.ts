import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/** An immutable fact, told to all: `roundtable.events.<f>.<entity>.<id>.<type>`. */
export const FleetEvent = defineMessage({
  type: 'io.olympus.event.v1',
  title: 'Event of the fleet',
  data: z.looseObject({
    entity: z.enum(['task', 'run', 'agent', 'approval']),
    id: Token,
    event: Token,
    state: z.string(),
    agent: Token.optional(),
    reason: z.string().optional(),
  }),
});
export type FleetEvent = z.output<typeof FleetEvent.schema>;
