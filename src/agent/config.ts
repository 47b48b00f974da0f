import { z } from 'zod';
import { ARTIFACT_LIMIT } from '#core/artifact.ts';
import { FleetId, Token } from '#core/tokens.ts';

const url = (example: string) =>
  z.url({ protocol: /^(https?|nats|tls)$/, error: `write a URL such as ${example}` });
const Milliseconds = z.coerce.number().int().positive();
const Count = z.coerce.number().int().min(2);

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
  /** The unit of the gateway, restarted when a turn does not end. Without it a turn counts as ended when the gateway was told. */
  OLYMPUS_GATEWAY_UNIT: z
    .string()
    .regex(/^[A-Za-z0-9:_.@-]+\.service$/, {
      error: 'write the name of a unit, such as openclaw-gateway.service',
    })
    .optional(),
  /** How long a turn may take to end when it was told, before that unit is restarted; one that is away is, after 30 times that. */
  OLYMPUS_TURN_STOP_MS: Milliseconds.default(10_000),
  /** How long the first turn after a start of the gateway may take, which nobody waits for; after it the agent counts as ready. */
  OLYMPUS_WARM_UP_MS: Milliseconds.default(300_000),
  /** Control's API, for answers that do not fit into a message; without it those are cut. */
  OLYMPUS_CONTROL_URL: url('http://10.220.1.20:8090').optional(),
  /** The agent's own token there; needed with OLYMPUS_CONTROL_URL. */
  OLYMPUS_API_TOKEN_FILE: z.string().min(1).optional(),
  OLYMPUS_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  OLYMPUS_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  OLYMPUS_HEARTBEAT_MS: Milliseconds.default(15_000),
  /** How long a person waits without a word before they are told what is away. */
  OLYMPUS_NOTICE_AFTER_MS: Milliseconds.default(10_000),
  /** After this long a run that calls tools shows in its thread how it gets on. */
  OLYMPUS_PROGRESS_POST_MS: Milliseconds.default(5_000),
  /** A run without any sign of work for this long is no longer held on the bus. */
  OLYMPUS_PROGRESS_TIMEOUT_MS: Milliseconds.default(120_000),
  /** A turn that shows no sign of work for this long, with no tool call under way: one sign that it is stuck. Two are acted upon. */
  OLYMPUS_STUCK_SILENT_MS: Milliseconds.default(600_000),
  /** As many failures in a row of one call with the same arguments are a sign. What lasts twice as long counts as two. */
  OLYMPUS_STUCK_SAME_ERROR: Count.default(3),
  /** As many calls in a row with the same arguments and the same result are a sign. */
  OLYMPUS_STUCK_SAME_RESULT: Count.default(4),
  /** As many steps in which two calls take turns, with the same results, are a sign. */
  OLYMPUS_STUCK_ALTERNATING: Count.default(6),
  /** As many cuts of the context over nothing new are a sign. */
  OLYMPUS_STUCK_COMPACTIONS: Count.default(3),
  OLYMPUS_CHAT_PING_MS: Milliseconds.default(30_000),
  /** The unix socket through which the agent's turns ask people and other agents; the mode of its folder says who reaches it. Without one they cannot. */
  OLYMPUS_ACTION_SOCKET: z.string().startsWith('/', 'write an absolute path').optional(),
  /** How long a turn goes on waiting for what it has asked before its run is parked. */
  OLYMPUS_ASK_WAIT_MS: Milliseconds.default(5 * 60_000),
  /** How long people have to decide before it counts as denied, and another agent to answer. */
  OLYMPUS_ASK_EXPIRES_MS: Milliseconds.default(12 * 3600 * 1000),
  /** The most bytes of a file that comes with a message in chat; what control keeps of one is limited to 8 MiB. */
  OLYMPUS_FILES_BYTES: z.coerce.number().int().positive().max(ARTIFACT_LIMIT).default(ARTIFACT_LIMIT),
  /** The media types of such files that are taken, separated by commas. */
  OLYMPUS_FILES_TYPES: z
    .string()
    .default('text/*,image/*,application/json,application/pdf,application/xml,application/yaml'),
  OLYMPUS_DRAIN_MS: Milliseconds.default(60_000),
});
export type AgentConfig = z.output<typeof AgentConfig>;
