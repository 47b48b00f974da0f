import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentView } from '#core/api.ts';
import { Manifest } from '#core/manifest.ts';
import { Workflow } from '#core/workflow.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { bestOf } from '../../src/control/registry/choose-agent.ts';
import { readWorkflows } from '../../src/control/workflow/workflows.ts';

const AGENTS = path.resolve(import.meta.dirname, '../../agents');
const SHIPPED = path.join(AGENTS, 'workflows');
const MINIMAL = `name: small
lead: athena
steps:
  - id: one
    agent: apollo
    ask: What is new?
join:
  deadline: 90s
synthesise: Write it down.
`;

describe('the file of a workflow', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir('workflow');
  });
  after(async () => {
    await dir[Symbol.asyncDispose]();
  });

  async function read(text: string): Promise<Workflow> {
    const file = path.join(dir.path, 'small.yml');
    await writeFile(file, text);
    return readYaml(file, Workflow);
  }
  async function refusal(from: string, to: string): Promise<string> {
    const text = MINIMAL.replace(from, to);
    assert.notEqual(text, MINIMAL);
    const error: unknown = await read(text).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof YamlError, 'it was taken');
    return error.message.replaceAll(`${dir.path}/`, '');
  }

  it('needs a lead, steps, a deadline and what is to be made of them', async () => {
    assert.deepEqual(await read(MINIMAL), {
      name: 'small',
      lead: 'athena',
      steps: [{ id: 'one', agent: 'apollo', ask: 'What is new?' }],
      join: { deadline: 90_000, need: undefined },
      synthesise: 'Write it down.',
    });
    assert.equal((await read(MINIMAL.replace('90s', '2h\n  need: at-least 1'))).join.need, 1);
  });

  it('is refused with file, line, field and what to write', async () => {
    assert.equal(
      await refusal('    agent: apollo\n', ''),
      'small.yml:4:5: steps.0: name a domain or an agent, and not both',
    );
    assert.match(await refusal('agent: apollo', 'agent: apollo\n    domain: dev'), /and not both/);
    assert.match(
      await refusal('90s', 'soon'),
      /^small\.yml:8:13: join\.deadline: write a number and s, m or h/,
    );
    assert.match(await refusal('90s', '13h'), /join\.deadline: wait at most 12h/);
    assert.match(
      await refusal('90s', '90s\n  need: most'),
      /:9:9: join\.need: write all, or at-least and a number/,
    );
    assert.match(
      await refusal('90s', '90s\n  need: at-least 2'),
      /:9:9: join\.need: at least 2 of 1 steps cannot be/,
    );
    assert.match(
      await refusal('join:', '  - {id: one, agent: apollo, ask: again}\njoin:'),
      /^small\.yml:7:10: steps\.1\.id: there is a step one already/,
    );
    assert.match(await refusal('ask: What is new?', "ask: ' '"), /steps\.0\.ask: write what is to be done/);
    assert.match(await refusal('lead:', 'leader:'), /small\.yml:2:1: .*leader/);
  });

  it('is called like the workflow, and one that is wrong leaves the others alone', async () => {
    await writeFile(path.join(dir.path, 'small.yml'), MINIMAL);
    await writeFile(path.join(dir.path, 'other.yml'), MINIMAL);
    await writeFile(path.join(dir.path, 'broken.yml'), 'name: [');

    const { workflows, problems } = await readWorkflows(dir.path);

    assert.deepEqual(
      workflows.map(({ name }) => name),
      ['small'],
    );
    assert.match(problems[0] ?? '', /broken\.yml:1:/);
    assert.match(problems.at(-1) ?? '', /other\.yml: name: it is called small; call the file small\.yml/);
    assert.deepEqual(await readWorkflows(undefined), { workflows: [], problems: [] });
    assert.match((await readWorkflows('/nowhere')).problems[0] ?? '', /\/nowhere: cannot be read \(ENOENT\)/);
  });

  it('holds for those that we ship', async () => {
    const { workflows, problems } = await readWorkflows(SHIPPED);

    assert.deepEqual(problems, []);
    assert.equal(workflows.length, readdirSync(SHIPPED).length);
    const briefing = workflows.find(({ name }) => name === 'briefing');
    assert.deepEqual(
      briefing?.steps.map(({ id, domain }) => [id, domain]),
      [
        ['security', 'security'],
        ['comms', 'comms'],
        ['intel', 'intel'],
      ],
    );
  });

  it('asks and is led by agents that we ship too', async () => {
    const manifests = readdirSync(AGENTS, { withFileTypes: true })
      .filter((each) => each.isDirectory() && each.name !== 'workflows')
      .map(({ name }) => readYaml(path.join(AGENTS, name, 'agent.yml'), Manifest));
    const names = manifests.map(({ name }) => name);
    const domains = manifests.flatMap((manifest) => manifest.domains);

    for (const { name, lead, steps } of (await readWorkflows(SHIPPED)).workflows) {
      assert.ok(names.includes(lead), `${name} is led by ${lead}`);
      for (const { domain, agent } of steps)
        assert.ok(
          agent ? names.includes(agent) : domain && domains.includes(domain),
          `${name}: ${agent ?? domain}`,
        );
    }
  });
});

describe('the agent for a domain', () => {
  const drain = { state: 'drained', by: 'ada', since: '2026-11-28T12:00:00Z' } as const;
  const agent = (name: string, phase: AgentView['phase'], open: number, more: Partial<AgentView> = {}) => ({
    agent: { name, phase, ...more } as AgentView,
    open,
  });
  const best = (...candidates: Parameters<typeof bestOf>[0]): string | undefined => bestOf(candidates)?.name;

  it('is a ready one before one that is drained or silent, the least busy, then by name', () => {
    assert.equal(best(agent('a', 'Silent', 0), agent('b', 'NotReady', 0), agent('c', 'Ready', 9)), 'c');
    assert.equal(best(agent('a', 'Ready', 0, { drain }), agent('b', 'NotReady', 3)), 'b');
    assert.equal(best(agent('a', 'Silent', 0), agent('b', 'Ready', 0, { drain })), 'b');
    assert.equal(best(agent('a', 'Ready', 2), agent('b', 'Ready', 1)), 'b');
    assert.equal(best(agent('b', 'Ready', 1), agent('a', 'Ready', 1)), 'a');
    assert.equal(best(), undefined);
  });
});
