import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Workflow } from '#core/workflow.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';

/** The workflows of a folder, and a sentence for each mistake in its files. */
export interface Workflows {
  readonly workflows: readonly Workflow[];
  readonly problems: readonly string[];
}

/** Reads them anew: an edit counts from the next start on. Without a folder there are none. */
export async function readWorkflows(dir: string | undefined): Promise<Workflows> {
  const workflows: Workflow[] = [];
  const problems: string[] = [];
  if (dir === undefined) return { workflows, problems };
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    problems.push(`${dir}: cannot be read (${error.code})`);
    return [];
  });
  for (const name of names.filter((each) => each.endsWith('.yml')).sort()) {
    const file = path.join(dir, name);
    try {
      const workflow = readYaml(file, Workflow);
      if (`${workflow.name}.yml` === name) workflows.push(workflow);
      else problems.push(`${file}: name: it is called ${workflow.name}; call the file ${workflow.name}.yml`);
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      problems.push(...error.message.split('\n'));
    }
  }
  return { workflows, problems };
}

/** Of the mistakes those in the file of this workflow. */
export function brokenIn(problems: readonly string[], name: string): string[] {
  return problems.filter((problem) => problem.includes(`/${name}.yml:`));
}
