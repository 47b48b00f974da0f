import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TaskDetail, TaskView } from '#core/api.ts';
import { ApprovalView } from '#core/api-approvals.ts';
import { GithubSettings } from '#core/github-settings.ts';
import type { ProcessPart } from '#lab/local/process-part.ts';
import { newNonce } from '#lib/id.ts';
import { prepareScriptedFleet, type ScriptedFleet } from '../chaos/fleet.ts';
import { CliCaller, type Ended } from '../cli-call.ts';
import { ControlSurface } from '../control-surface.ts';
import { type TempDir, tempDir } from '../temp-dir.ts';
import { waitFor } from '../wait.ts';
import { GithubScene } from './scene.ts';
import { githubSettings } from './webhook.ts';

/** Where vulcan works; the account `ada` owns it. */
export const REPO = 'acme/web';
/** What a process was told when it was killed comes again after 30 seconds. */
export const LONG = { timeoutMs: 75_000 };
const ROOT = path.resolve(import.meta.dirname, '../../..');

/** A fleet of one agent, vulcan, with a scripted harness, that works at a stand-in GitHub as an App of its own. */
export class Workshop implements AsyncDisposable {
  readonly dir: TempDir;
  readonly github: GithubScene;
  readonly fleet: ScriptedFleet;
  readonly script: ControlSurface;
  readonly #cli: CliCaller;

  private constructor(dir: TempDir, github: GithubScene, fleet: ScriptedFleet) {
    this.dir = dir;
    this.github = github;
    this.fleet = fleet;
    this.script = new ControlSurface(fleet.harness.adminUrl);
    this.#cli = new CliCaller(dir.path);
  }

  /** Resolves once it runs, with `policies` as its `policies.yml`. */
  static async open(policies: string): Promise<Workshop> {
    const dir = await tempDir('workshop');
    const at = (name: string): string => path.join(dir.path, name);
    const permissions = { issues: 'write', contents: 'write', pull_requests: 'write' } as const;
    const github = await GithubScene.open({
      users: [{ login: 'ada', tokens: [{ token: 'of-ada' }] }],
      organizations: [{ login: 'acme', members: ['ada'] }],
      repositories: [
        { name: REPO, private: true, files: { 'README.md': 'hello\n' }, collaborators: { ada: 'admin' } },
        { name: 'acme/other', private: true },
      ],
      apps: [{ name: 'Vulcan', owner: 'acme', permissions, installations: [{ account: 'acme' }] }],
    });
    const app = github.seeded.apps['vulcan'] ?? assert.fail('no app');
    const identity = { login: 'vulcan[bot]', app: app.id, installation: app.installations['acme'] };
    const settings = GithubSettings.parse({
      url: github.apiUrl,
      repositories: [REPO],
      agents: { vulcan: identity },
      reader: 'vulcan',
    });
    await writeFile(at('policies.yml'), policies);
    const ofControl = {
      ...(await githubSettings(dir.path, { settings, readerKey: app.privateKey })),
      OLYMPUS_POLICIES_FILE: at('policies.yml'),
    };
    const fleet = await prepareScriptedFleet({
      dir: dir.path,
      root: ROOT,
      agents: ['vulcan'],
      settings: { OLYMPUS_ACTION_SOCKET: at('s') },
      envOf: (name) => (name === 'control' ? ofControl : {}),
    });
    await mkdir(at('logs'), { recursive: true });
    await fleet.start();
    const shop = new Workshop(dir, github, fleet);
    await waitFor('vulcan to be known', () => shop.call('GET', 'agents/vulcan'), LONG);
    return shop;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.github[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }

  at(...names: string[]): string {
    return path.join(this.dir.path, ...names);
  }

  get daemon(): ProcessPart {
    return this.fleet.agents.get('vulcan')?.process ?? assert.fail('no vulcan');
  }

  /** Calls control's API. */
  async call(method: 'GET' | 'POST', route: string, body?: object): Promise<unknown> {
    const headers = {
      authorization: `Bearer ${this.fleet.control.token}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    const response = await fetch(`${this.fleet.control.url}/v1/${route}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(10_000),
    });
    assert.ok(response.ok, `${method} ${route}: ${response.status}`);
    return response.json();
  }

  /** A task of ada's, whose turn goes on until it is let go. */
  async turn(): Promise<string> {
    const text = `work ${newNonce()}`;
    await this.script.post('script', { rules: [{ match: text, behaviour: { held: true } }] });
    const { id } = TaskView.parse(await this.call('POST', 'tasks', { agent: 'vulcan', text, by: 'ada' }));
    await waitFor(
      'the turn',
      async () => TaskDetail.parse(await this.call('GET', `tasks/${id}`)).state === 'running',
      LONG,
    );
    return id;
  }

  /** `olympus action …`, as a turn of vulcan runs it. */
  action(...words: string[]): Promise<Ended> {
    return this.#cli.run(['action', ...words], { OLYMPUS_ACTION_SOCKET: this.at('s') });
  }

  /** What people have to decide for a task. */
  pendingOf(task: string): Promise<ApprovalView> {
    return waitFor('something to decide', async () => {
      const { approvals } = (await this.call('GET', 'approvals?state=pending')) as { approvals: unknown[] };
      return approvals.map((each) => ApprovalView.parse(each)).find(({ taskId }) => taskId === task);
    });
  }
}
