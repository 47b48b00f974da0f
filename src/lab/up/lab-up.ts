import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { cacheDirectory, type Environment } from '#lib/config.ts';
import type { Logger } from '#lib/log.ts';
import { writeIfChanged } from '#provision/files.ts';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { keepChatTokens } from '#provision/secrets/chat-tokens.ts';
import { initSecrets } from '#provision/secrets/init-secrets.ts';
import { openVault } from '#provision/secrets/vault.ts';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import { askChatServer, type ChatServer, type ChatServerOptions } from '../chat/chat-server.ts';
import { LAB_INVENTORY, writeLabInventory } from '../chat/lab-inventory.ts';
import { ensureGoldenImage, type GoldenImage } from '../image/golden-image.ts';
import { type KvmVerdict, probeKvm } from '../kvm-probe.ts';
import { raiseLab } from '../lab.ts';
import { claimStateDir } from '../lab-claim.ts';
import { LabError } from '../lab-error.ts';
import { lockLab } from '../lab-lock.ts';
import { type LabNames, labNames } from '../lab-names.ts';
import { type LabView, lookAtLab } from '../lab-status.ts';
import { checkMachine } from '../preflight.ts';
import type { Door } from '../relay/gates.ts';
import { writeModelKeys } from '../relay/model-keys.ts';
import { providerEnvironment } from '../relay/provider.ts';
import { agentsSetUp, noteSetUp, wantedDigest } from './finished.ts';
import { labModel } from './model.ts';
import { type Changes, runPlaybook } from './playbook.ts';
import type { Report } from './report.ts';
import { checkRoom, roomOf } from './room.ts';

export interface LabUpOptions {
  /** The checkout. */
  readonly root: string;
  readonly inventory: Inventory;
  readonly stateDir: string;
  /** Which agents of the inventory; the hub always comes up. */
  readonly agents: readonly string[];
  /** A chat server outside of the lab, instead of a stand-in on the hub. */
  readonly chat?: ChatServerOptions | undefined;
  readonly env: Environment;
  readonly log: Logger;
  readonly clock: Clock;
  readonly report: Report;
  readonly signal: AbortSignal;
}

export interface LabUpResult {
  readonly id: string;
  /** Everything ran already, as it is wanted: nothing was done. */
  readonly recognised: boolean;
  readonly changes: Changes;
  readonly acceleration: KvmVerdict;
  /** Which model answers. */
  readonly model: string;
  /** The chat server outside, if that is where the agents are. */
  readonly chatOutside?: string;
  /** Where `chat` and `api` are on this machine's loopback. */
  readonly doorUrls: Readonly<Record<string, string>>;
}

const Secrets = z.object({
  vault_control_api_token: z.string(),
  vault_chat_human_token: z.string(),
  vault_agents: z.record(z.string(), z.object({ model_key: z.string() })),
});

const SWITCH = { address: '10.220.1.1', prefix: 24 };
const MODEL_PORT = 11_500;
const CHAT_PORT = 8065;
const CHAT_AT_SWITCH = `http://${SWITCH.address}:${CHAT_PORT}`;

/**
 * Brings the lab up, whatever of it is there already: image, keys, hypervisors, gates, then Ansible for the rest.
 * A lab that runs as it is wanted is recognised and left alone; an interrupted or damaged one is mended.
 */
export async function labUp(options: LabUpOptions): Promise<LabUpResult> {
  const { inventory, stateDir, env, clock, log, report, signal } = options;
  const machines = machinesOf(options);
  report.phase('Check this machine');
  const providerEnv = providerEnvironment(env, [path.resolve('.env')]);
  const gatewayModel = labModel(providerEnv, `http://${SWITCH.address}:${MODEL_PORT}`);
  await checkMachine(signal);
  const chat =
    options.chat &&
    (await askChatServer({
      ...options.chat,
      agents: options.agents,
      usualTeam: inventory.variables.mattermost_team,
      signal,
    }));
  const names = labNames(stateDir);
  await using _lock = await lockLab(names, signal);
  const before = await lookAtLab(stateDir, signal);
  refuseOtherChat(before, chat);
  claimStateDir(names);
  mkdirSync(names.logDir, { recursive: true, mode: 0o700 });
  const cacheDir = cacheDirectory(env);
  mkdirSync(cacheDir, { recursive: true });
  if (before.state === 'down') checkRoom(roomOf(names.stateDir), machines);

  report.phase('Build the golden image');
  const onProgress = (sentence: string): void => report.detail(sentence);
  const image = await ensureGoldenImage({ cacheDir, node: process.execPath, signal, onProgress });
  const acceleration = await probeKvm({ kernel: image.kernel, cacheDir, signal });
  noteImage(names, image, acceleration);

  report.phase('Make keys and secrets');
  await prepareSsh(inventory, names.stateDir, signal);
  const secretsFile = path.join(names.stateDir, 'secrets.yml');
  await initSecrets(inventory, { file: secretsFile, stateDir: names.stateDir, env, clock, signal });
  if (chat) {
    const input = JSON.stringify(chat.agentTokens);
    await keepChatTokens({ file: secretsFile, input, stateDir: names.stateDir, env, signal });
  }
  const text = await openVault({ stateDir: names.stateDir, env }).decrypt(secretsFile, signal);
  const secrets = Secrets.parse(parse(text));

  report.phase('Start the hypervisors');
  const keys = Object.entries(secrets.vault_agents).map(([agent, { model_key }]) => [agent, model_key]);
  writeModelKeys(names, Object.fromEntries(keys));
  const hypervisors = inventory.hypervisors.map(({ name, address }) => ({ name, address }));
  const { doorUrls, model } = await raiseLab({
    stateDir: names.stateDir,
    hypervisors,
    switchAddress: SWITCH.address,
    prefix: SWITCH.prefix,
    modelPort: MODEL_PORT,
    chat: chat && { url: chat.url, port: CHAT_PORT },
    doors: doorsOf(inventory, chat),
    providerEnv,
    log,
    signal,
  });
  writeSettings(names, {
    OLYMPUS_API_URL: doorUrls['api'],
    OLYMPUS_API_TOKEN: secrets.vault_control_api_token,
    OLYMPUS_MATTERMOST_URL: chat?.url ?? doorUrls['chat'],
    OLYMPUS_MATTERMOST_TOKEN: chat?.person.token ?? secrets.vault_chat_human_token,
    OLYMPUS_MATTERMOST_TEAM: chat?.team ?? inventory.variables.mattermost_team,
  });
  writeIfChanged(path.join(names.dir, 'model.yml'), stringify(gatewayModel), 0o600);

  const digest = wantedDigest({
    root: options.root,
    imageSha256: image.sha256,
    words: [String(acceleration.usable), process.version, JSON.stringify([gatewayModel, chat])],
  });
  const outside = chat ? { chatOutside: chat.url } : {};
  const result = { id: names.id, acceleration, model, doorUrls, ...outside };
  const done = agentsSetUp(names, digest);
  const runs = before.state === 'up' && machinesRun(before, machines);
  if (runs && options.agents.every((agent) => done.includes(agent))) {
    return { ...result, recognised: true, changes: {} };
  }
  const changes = await runPlaybook({
    root: options.root,
    playbook: 'ansible/setup.yml',
    inventory: chat
      ? writeLabInventory({ root: options.root, dir: names.dir, chat, url: CHAT_AT_SWITCH })
      : LAB_INVENTORY,
    limit: [...hypervisors, ...machines].map(({ name }) => name),
    stateDir: names.stateDir,
    env,
    logFile: path.join(names.logDir, 'lab-up.log'),
    report,
    signal,
  });
  noteSetUp(names, digest, options.agents);
  return { ...result, recognised: false, changes };
}

/** Whether each of these machines was seen to run on one of the hypervisors. */
export function machinesRun(
  view: Pick<LabView, 'hypervisors'>,
  machines: readonly { name: string }[],
): boolean {
  const running = view.hypervisors.flatMap((each) => each.machines.filter(({ running }) => running));
  return machines.every(({ name }) => running.some((domain) => domain.name === name));
}

function machinesOf({ inventory, agents }: LabUpOptions): Inventory['machines'] {
  const known = inventory.machines.filter(({ group }) => group === 'agents').map(({ name }) => name);
  const unknown = agents.find((agent) => !known.includes(agent));
  if (unknown !== undefined || agents.length === 0) {
    throw new LabError(
      unknown === undefined ? 'A lab needs at least one agent.' : `The lab has no agent ${unknown}.`,
      `Choose of ${known.join(', ')}: olympus lab up --agents ${known.join(',')}`,
    );
  }
  return inventory.machines.filter(({ name, group }) => group === 'hub' || agents.includes(name));
}

/** Ansible and the provisioner read which image is in use, and how it runs, from this file. */
function noteImage(names: LabNames, image: GoldenImage, { usable }: KvmVerdict): void {
  const facts = {
    image_file: image.image,
    image_sha256: image.sha256,
    image_kernel_file: image.kernel,
    image_initrd_file: image.initrd,
    vm_domain_type: usable ? 'kvm' : 'qemu',
  };
  writeIfChanged(path.join(names.dir, 'image.yml'), stringify(facts), 0o600);
}

/** Agents would go on answering where they were, and who talked to them there would not be told. */
function refuseOtherChat(before: LabView, chat: ChatServer | undefined): void {
  if (before.state === 'down' || before.chatOutside?.url === chat?.url) return;
  const called = (url: string | undefined): string => url ?? 'the stand-in on the hub';
  const as = before.chatOutside ? `--chat-url ${before.chatOutside.url}` : 'no --chat-url';
  throw new LabError(
    `The chat of this lab is ${called(before.chatOutside?.url)}, and you asked for ${called(chat?.url)}.`,
    `Go on with ${as}, or run \`olympus lab down\` first.`,
  );
}

function doorsOf({ machines }: Inventory, chat: ChatServer | undefined): Door[] {
  const hub = machines.find(({ group }) => group === 'hub');
  if (!hub) throw new LabError('The inventory of the lab has no hub.', 'Add it to inventory/lab/hosts.yml.');
  return [
    ...(chat ? [] : [{ name: 'chat', usualPort: 8065, to: { address: hub.address, port: 8065 } }]),
    { name: 'api', usualPort: 8090, to: { address: hub.address, port: 8090 } },
  ];
}

/** What the `olympus` command reads to reach this lab. */
function writeSettings(names: LabNames, settings: Readonly<Record<string, string | undefined>>): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeIfChanged(path.join(names.stateDir, '.env'), lines.join(''), 0o600);
}
