import { Token } from '#core/tokens.ts';
import { effectiveTrust } from '#core/trust.ts';
import type { Workflow } from '#core/workflow.ts';
import { type AdmissionOptions, type Asked, admit, type Meaning } from '../admission/admission.ts';
import type { Repositories } from '../store/store.ts';
import { startMission } from './start.ts';
import { brokenIn, readWorkflows } from './workflows.ts';

export interface NamedWorkflows {
  /** Where their files are; without it there are none. */
  readonly dir: string | undefined;
  /** Called after one was started. */
  readonly onStarted: () => void;
}

/**
 * Makes of a request a workflow, when a person has written nothing but its name to the agent that leads it
 * (`@athena briefing`), and a task otherwise. What comes from outside is held for people to approve as it was written,
 * and starts none. The name of a workflow whose file has a mistake is refused rather than taken for a word.
 */
export function workflowByName(
  options: AdmissionOptions,
  { dir, onStarted }: NamedWorkflows,
): (asked: Asked) => Promise<Meaning> {
  const asTask = (asked: Asked): Meaning => ({
    write: (tx) => admit(tx, options, asked),
    onWritten: options.onDecided,
  });
  return async (asked) => {
    const name = nameIn(asked);
    if (name === undefined) return asTask(asked);
    const { workflows, problems } = await readWorkflows(dir);
    const workflow = workflows.find((each) => each.name === name && each.lead === asked.request.agent);
    if (workflow) return { write: (tx) => start(tx, options, workflow, asked), onWritten: onStarted };
    const broken = brokenIn(problems, name);
    if (broken.length === 0) return asTask(asked);
    options.log.warn({ workflow: name, problems: broken }, 'workflow cannot be used');
    return asTask({ ...asked, refusal: { code: 'workflow_broken', values: { name } } });
  };
}

/** A request that came before is answered as it was then: the files may have changed since. */
async function start(
  tx: Repositories,
  options: AdmissionOptions,
  workflow: Workflow,
  asked: Asked,
): Promise<void> {
  const { author, request } = asked;
  const key = `${author}:${request.dedupKey}`;
  const by = request.requester.name;
  if (await tx.tasks.byDedupKey(key)) await admit(tx, options, asked);
  else await startMission(tx, options, workflow, { by, dedupKey: `agent:${key}`, asked });
}

/** The word that is all a person has written, and could be a name. */
function nameIn({ author, request, trust: claimed }: Asked): string | undefined {
  const { requester, text, after = [] } = request;
  const trust = effectiveTrust({ author, requester: requester.kind, claimed });
  if (requester.kind !== 'human' || trust === 'external' || after.length > 0) return undefined;
  return Token.safeParse(text.trim().toLowerCase()).data;
}
