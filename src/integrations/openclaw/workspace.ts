import { chmod, cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** The files of `agents/<name>/` that the gateway puts into the agent's prompt. */
const PERSONA_FILES = ['SOUL.md', 'AGENTS.md', 'IDENTITY.md', 'USER.md'];
/** What the agent itself goes on writing: copied once, never overwritten. */
const MEMORY_FILES = ['MEMORY.md'];

/**
 * Makes a gateway's workspace out of an agent's folder: persona and skills follow the folder, a file that is
 * gone there goes here, and what the agent has written (memory, its own files) stays. Running it twice, or
 * again after it was cut short, ends the same.
 */
export async function materializeWorkspace(agentDir: string, workspaceDir: string): Promise<void> {
  await mkdir(workspaceDir, { recursive: true, mode: 0o700 });
  await chmod(workspaceDir, 0o700);
  const given = await readdir(agentDir);
  const kept = await readdir(workspaceDir);
  for (const name of [...PERSONA_FILES, 'skills']) {
    if (given.includes(name)) await replace(path.join(agentDir, name), path.join(workspaceDir, name));
    else await rm(path.join(workspaceDir, name), { recursive: true, force: true });
  }
  for (const name of MEMORY_FILES) {
    if (!given.includes(name) || kept.includes(name)) continue;
    await replace(path.join(agentDir, name), path.join(workspaceDir, name));
  }
}

/** A reader sees the old file or the new one, never half of it. */
async function replace(source: string, target: string): Promise<void> {
  const next = path.join(path.dirname(target), `.${path.basename(target)}.next`);
  await rm(next, { recursive: true, force: true });
  await cp(source, next, { recursive: true });
  // A folder cannot be renamed over one that is not empty.
  if ((await stat(source)).isDirectory()) await rm(target, { recursive: true, force: true });
  await rename(next, target);
}
