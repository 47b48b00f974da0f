import { isIP } from 'node:net';
import { z } from 'zod';
import { ChatAccess } from '#core/chat-access.ts';
import { GithubSettings } from '#core/github-settings.ts';
import { FleetId } from '#core/tokens.ts';

const Milliseconds = z.coerce.number().int().positive();

/** IP addresses with commas between them. */
const Addresses = z
  .string()
  .transform((text) => text.split(',').map((each) => each.trim()))
  .refine((all) => all.every((each) => isIP(each) !== 0), 'write IP addresses, with commas between them');

/** A variable of the inventory as JSON. `olympus inventory check` checks it with file and line; here it is Ansible's word. */
function fromInventory<T extends z.ZodType>(variable: string, schema: T) {
  return z.string().transform((text, context): z.output<T> => {
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    context.addIssue(`it is not what ${variable} of the inventory may be: ${z.prettifyError(parsed.error)}`);
    return z.NEVER;
  });
}

/** The settings of olympus-control, as environment variables. Secrets are named by file, never given here. */
export const ControlConfig = z.object({
  OLYMPUS_FLEET: FleetId,
  OLYMPUS_STATE_DIR: z.string().min(1),
  OLYMPUS_NATS_URL: z.url('write a URL such as tls://10.220.1.20:4222'),
  /** The CA that signed the certificate of nats-server, as PEM; needs a `tls://` URL. Without it those that Node trusts. */
  OLYMPUS_NATS_CA_FILE: z.string().min(1).optional(),
  OLYMPUS_NATS_SEED_FILE: z.string().min(1),
  OLYMPUS_API_TOKEN_FILE: z.string().min(1),
  /** Further tokens, each with a name and scopes (docs/operations.md, "Who may use the API"). Read again when it changes. */
  OLYMPUS_API_TOKENS_FILE: z.string().min(1).optional(),
  OLYMPUS_API_HOST: z.string().default('127.0.0.1'),
  OLYMPUS_API_PORT: z.coerce.number().int().min(0).max(65_535).default(8090),
  OLYMPUS_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** Where the chat server reaches this API, such as http://10.220.1.20:8090; without it what people decide has no buttons. */
  OLYMPUS_CARDS_URL: z.url('write a URL such as http://10.220.1.20:8090').optional(),
  /** The addresses from which the chat server tells of a press, separated by commas; it proves nothing else about itself. */
  OLYMPUS_CARDS_FROM: Addresses.default(['127.0.0.1', '::1']),
  /** A task that has not ended after this long expires. */
  OLYMPUS_TASK_DEADLINE_MS: Milliseconds.default(24 * 3600 * 1000),
  /** How long people have to approve a task that comes from outside before it expires. */
  OLYMPUS_APPROVAL_MS: Milliseconds.default(12 * 3600 * 1000),
  /** How many requests one person or agent may make within a minute. */
  OLYMPUS_REQUESTS_PER_MINUTE: z.coerce.number().int().positive().default(60),
  /** How many requests two agents may make of each other within a day, in either direction. */
  OLYMPUS_PAIR_PER_DAY: z.coerce.number().int().positive().default(30),
  /** Who may give work in chat, and where: `chat_access` of the inventory as JSON. Without it everybody but guests. */
  OLYMPUS_CHAT_ACCESS: fromInventory('chat_access', ChatAccess).default({ channels: {} }),
  /** What is worked at on GitHub, by whom, and for whom: `github` of the inventory as JSON. Without it nothing is. */
  OLYMPUS_GITHUB: fromInventory('github', GithubSettings).optional(),
  /** The folder with its secrets: `webhook-secret`, while it is replaced `webhook-secret-before`, and `key-<agent>` of its reader. */
  OLYMPUS_GITHUB_SECRETS_DIR: z.string().min(1).optional(),
  /** Scales the waits between attempts; 1 is what the failure table says. */
  OLYMPUS_RETRY_SCALE: z.coerce.number().positive().max(10).default(1),
  /** How often released work is compared with what is known of it. */
  OLYMPUS_SWEEP_MS: Milliseconds.default(60_000),
  /** After how long without a word from an agent what it has taken counts as lost; it may still come back with it. */
  OLYMPUS_AGENT_LOST_MS: Milliseconds.default(30 * 60_000),
  /** Where the files of the workflows are, `<name>.yml`; without it there are none. They are read at each use. */
  OLYMPUS_WORKFLOWS_DIR: z.string().min(1).optional(),
  /** What agents do only after people have approved it (`agents/policies.yml`); without it every approval takes one person. Read at the start. */
  OLYMPUS_POLICIES_FILE: z.string().min(1).optional(),
  OLYMPUS_DRAIN_MS: Milliseconds.default(20_000),
});
export type ControlConfig = z.output<typeof ControlConfig>;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Said by the schema: it is no object.
  }
}
