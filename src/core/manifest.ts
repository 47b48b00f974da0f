import { z } from 'zod';
import { AgentName, Token } from './tokens.ts';

/** How an agent takes part in a channel. */
const ChannelMode = z.enum(['mention', 'thread', 'all', 'off']);
export type ChannelMode = z.output<typeof ChannelMode>;

/** `agents/<name>/agent.yml`: the wanted configuration of an agent. */
export const Manifest = z.strictObject({
  name: AgentName,
  role: z.enum(['lead', 'specialist', 'reviewer']),
  domains: z.array(Token).min(1, 'name at least one domain'),
  hats: z.array(Token).default([]),
  model: z.string().min(1).default('lead'),
  /** Whether people decide on every command that its turns run in the shell. */
  exec: z.enum(['full', 'ask']).default('full'),
  channels: z
    .strictObject({
      mattermost: z.record(z.string(), ChannelMode).default({}),
      /** Whether a run that takes longer shows in its thread how it gets on, in one post. */
      progress: z.boolean().default(true),
    })
    .prefault({}),
  /** Whom it may hand work to by asking them; anybody, where it is left out. */
  delegates_to: z.array(Token).optional(),
  limits: z
    .strictObject({
      concurrency: z.int().min(1).max(16).default(1),
      /** How many agents may stand between the person who asked and this one. */
      depth: z.int().min(0).max(10).default(3),
      /** Start-to-close limit of one run, in seconds. */
      run_timeout: z.int().min(1).default(1800),
    })
    .prefault({}),
});
export type Manifest = z.output<typeof Manifest>;
