export type Meanings = ReadonlyMap<string, string>;

/** What settings mean whose schema says nothing about it. */
export const settingMeanings: Meanings = new Map([
  ['OLYMPUS_FLEET', 'The fleet; the first token of its subjects. `roundtable` and `knight` are reserved.'],
  ['OLYMPUS_AGENT', 'The agent this daemon is; must be the `name` of its manifest.'],
  ['OLYMPUS_STATE_DIR', 'Where this program keeps its database. Made when missing, mode 0700.'],
  ['OLYMPUS_NATS_URL', 'Where nats-server listens.'],
  ['OLYMPUS_NATS_SEED_FILE', 'The nkey seed that proves to nats-server who this is.'],
  ['OLYMPUS_MATTERMOST_URL', 'The chat server; `/api/v4` is added.'],
  ['OLYMPUS_MATTERMOST_TOKEN_FILE', "The token of the agent's own bot account."],
  ['OLYMPUS_OPENCLAW_URL', "The agent's own OpenClaw gateway, on the loopback interface."],
  ['OLYMPUS_OPENCLAW_TOKEN_FILE', 'The token of that gateway: a full operator credential.'],
  ['OLYMPUS_HEALTH_PORT', 'Port of `/livez`, `/readyz` and `/metrics` on 127.0.0.1; 0 takes any.'],
  ['OLYMPUS_LOG_LEVEL', 'The least important log lines that are written.'],
  ['OLYMPUS_HEARTBEAT_MS', 'How often the agent says that it is alive when nothing about it changes.'],
  [
    'OLYMPUS_CHAT_PING_MS',
    'How often the chat connection is tried. One ping that is refused makes a new one; three without an answer do too, and raise the alarm.',
  ],
  ['OLYMPUS_DRAIN_MS', 'How long each of the two waves of a stop may take.'],
  ['OLYMPUS_API_TOKEN_FILE', 'The token that callers of the API have to show.'],
  ['OLYMPUS_API_HOST', 'Address the API listens on.'],
  ['OLYMPUS_API_PORT', 'Port the API listens on; 0 takes any.'],
]);

/** The same for the manifest. */
export const manifestMeanings: Meanings = new Map([
  ['name', 'The name of the agent, of its folder and of its chat account.'],
  [
    'role',
    'A lead also answers for names that nobody has, and is asked when another agent was given up. Shown by `olympus agent list`.',
  ],
  [
    'domains',
    'What kind of work; a task without a domain of its own gets the first, and a step of a workflow goes to an agent that has its.',
  ],
  ['hats', 'Review lenses. Checked, and of no effect yet.'],
  ['model', 'Alias of the model. Checked, and of no effect yet: the local fleet has one scripted model.'],
  [
    'channels.mattermost',
    'How an agent takes part in a channel, by its name in addresses. `mention`: it answers who mentions it. `thread`, for channels that are not named here: also people who go on in a thread in which it was the agent mentioned last, for seven days. `all`: also whatever people write that mentions nobody. `off`: nothing. Direct messages it always answers.',
  ],
  [
    'delegates_to',
    'Whom it may hand work to by mentioning them; anybody else refuses it. Left out: anybody.',
  ],
  ['limits.concurrency', 'Runs at once.'],
]);
