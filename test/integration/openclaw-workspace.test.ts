import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { materializeWorkspace } from '#integrations/openclaw/workspace.ts';
import { tempDir } from '#test/temp-dir.ts';

describe('the workspace of an agent', () => {
  it('follows the folder of the agent and keeps what the agent wrote', async () => {
    await using dir = await tempDir('workspace');
    const agent = path.join(dir.path, 'agent');
    const workspace = path.join(dir.path, 'workspace');
    const text = (name: string): Promise<string> => readFile(path.join(workspace, name), 'utf8');
    await mkdir(path.join(agent, 'skills', 'deploy'), { recursive: true });
    await writeFile(path.join(agent, 'agent.yml'), 'name: hermes');
    await writeFile(path.join(agent, 'SOUL.md'), 'first');
    await writeFile(path.join(agent, 'AGENTS.md'), 'rules');
    await writeFile(path.join(agent, 'MEMORY.md'), 'born');
    await writeFile(path.join(agent, 'skills', 'deploy', 'SKILL.md'), 'how to');

    await materializeWorkspace(agent, workspace);
    assert.deepEqual((await readdir(workspace)).sort(), ['AGENTS.md', 'MEMORY.md', 'SOUL.md', 'skills']);

    await writeFile(path.join(workspace, 'MEMORY.md'), 'learned');
    await writeFile(path.join(workspace, 'notes.md'), 'mine');
    await writeFile(path.join(agent, 'SOUL.md'), 'second');
    await rm(path.join(agent, 'AGENTS.md'));
    await rm(path.join(agent, 'skills'), { recursive: true });
    await materializeWorkspace(agent, workspace);
    await materializeWorkspace(agent, workspace);

    assert.deepEqual((await readdir(workspace)).sort(), ['MEMORY.md', 'SOUL.md', 'notes.md']);
    assert.equal(await text('SOUL.md'), 'second');
    assert.equal(await text('MEMORY.md'), 'learned');
  });
});
