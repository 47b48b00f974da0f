import { z } from 'zod';
import { FleetId, Token } from '#core/tokens.ts';

const url = (example: string) =>
  z.url({ protocol: /^(https?|nats|tls)$/, error: `write a URL such as ${example}` });
const Milliseconds = z.coerce.number().int().positive();

/** The settings of olympusd, as environment variables. Secrets are named by file, never given here. */
export const AgentConfig = z.object({
  OLYMPUS_FLEET: FleetId,
  OLYMPUS_AGENT: Token,
  /** `agents/<name>` of this agent's revision: agent.yml, SOUL.md, … */
  OLYMPUS_AGENT_DIR: z.string().min(1),
  OLYMPUS_STATE_DIR: z.string().min(1),
  OLYMPUS_NATS_URL: url('tls://10.220.1.20:4222'),
  /** The CA that signed the certificate of nats-server, as PEM; needs a `tls://` URL. Without it those that Node trusts. */
  OLYMPUS_NATS_CA_FILE: z.string().min(1).optional(),
  OLYMPUS_NATS_SEED_FILE: z.string().min(1),
  /** With the token file, the agent's own account in chat; an agent without channels runs without both. */
  OLYMPUS_MATTERMOST_URL: url('http://10.220.1.10:8065').optional(),
  OLYMPUS_MATTERMOST_TOKEN_FILE: z.string().min(1).optional(),
  /** What runs the model: the OpenClaw gateway, or a script that stands in for it. */
  OLYMPUS_HARNESS: z.enum(['openclaw', 'scripted']).default('openclaw'),
  OLYMPUS_OPENCLAW_URL: url('http://127.0.0.1:18789').default('http://127.0.0.1:18789'),
  /** The token of that gateway, a full operator credential; needed with the harness `openclaw`. */
  OLYMPUS_OPENCLAW_TOKEN_FILE: z.string().min(1).optional(),
  /** Needed with the harness `scripted`: where it listens. */
  OLYMPUS_HARNESS_URL: url('http://127.0.0.1:18790').optional(),
  /** Control's API, for answers that do not fit into a message; without it those are cut. */
  OLYMPUS_CONTROL_URL: url('http://10.220.1.20:8090').optional(),
  /** The agent's own token there; needed with OLYMPUS_CONTROL_URL. */
  OLYMPUS_API_TOKEN_FILE: z.string().min(1).optional(),
  OLYMPUS_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  OLYMPUS_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  OLYMPUS_HEARTBEAT_MS: Milliseconds.default(15_000),
  /** How long a person waits without a word before they are told what is away. */
  OLYMPUS_NOTICE_AFTER_MS: Milliseconds.default(10_000),
  /** A run without any sign of work for this long is no longer held on the bus. */
  OLYMPUS_PROGRESS_TIMEOUT_MS: Milliseconds.default(120_000),
  OLYMPUS_CHAT_PING_MS: Milliseconds.default(30_000),
  OLYMPUS_DRAIN_MS: Milliseconds.default(60_000),
});
export type AgentConfig = z.output<typeof AgentConfig>;
