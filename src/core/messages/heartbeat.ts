import { z } from 'zod';
import { defineMessage } from '../envelope.ts';
import { Token } from '../tokens.ts';

/** An agent is alive, and what it is: `<f>.heartbeat.<agent>`. The registry is made of these. */
export const Heartbeat = defineMessage({
  type: 'io.olympus.agent.heartbeat.v1',
  title: 'Heartbeat of an agent',
  data: z.looseObject({
    agent: Token,
    role: z.string(),
    domains: z.array(Token).min(1),
    version: z.string(),
    startedAt: z.iso.datetime(),
    everyMs: z.int().positive(),
    ready: z.boolean(),
    conditions: z.array(
      z.looseObject({
        name: z.string(),
        ready: z.boolean(),
        /** It has not been for so long that somebody has to look. */
        alarm: z.boolean().optional(),
        reason: z.string().optional(),
      }),
    ),
    limits: z.looseObject({
      concurrency: z.int().min(1),
      depth: z.int().min(0),
      runTimeoutMs: z.int().positive(),
    }),
    /** Whom it may hand work to; anybody, where it does not say. */
    delegatesTo: z.array(Token).optional(),
    runs: z.array(Token),
    /** Whether it takes new work; `drained` when it does not and nothing is under way any more. */
    duty: z.enum(['working', 'draining', 'drained']).optional(),
    /** By which write of the lease this daemon became the one that runs the agent's work. */
    lease: z.looseObject({ epoch: z.int().min(1) }).optional(),
    /** The agent's own account on the chat server, once it has connected. */
    chat: z.looseObject({ userId: z.string(), username: z.string() }).optional(),
  }),
});
export type Heartbeat = z.output<typeof Heartbeat.schema>;
