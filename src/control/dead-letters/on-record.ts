import type { DeadLetterView } from '#core/api.ts';
import type { RunRecord, TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { record } from '../tasks/record.ts';

type Change = Parameters<typeof record>[2];

/** Puts on record what is done on the bus, in a transaction of its own; done again, it is on record already. */
export async function recordOnce(store: Store, context: ControlContext, change: Change): Promise<void> {
  await store.transaction(async (tx) => {
    if (await tx.audit.has(change.entity, change.entityId, change.what)) return;
    await record(tx, context, change);
  });
}

/**
 * How a letter is called in the record: by the place of the message that it is about, which is known before it is
 * written; by its subject where the message is gone.
 */
export function letterName({
  stream,
  seq,
  subject,
}: {
  readonly stream: string;
  readonly seq?: number | undefined;
  readonly subject: string;
}): string {
  return `${stream}/${seq ?? subject}`;
}

/** Who has a letter redriven, and why. */
export interface Wish {
  readonly by: string;
  readonly why?: string | undefined;
}

/** That a person has a letter's message go out again. */
export function redriven(letter: DeadLetterView, { by, why }: Wish): Change {
  const change = { who: `person/${by}`, what: 'redrive', entity: 'letter', state: 'sent' } as const;
  return { ...change, entityId: letterName(letter), why: why || `was given up: ${letter.reason}` };
}

/** That a released run is taken off the bus, because nobody is to begin it any more. */
export function takenBack(run: RunRecord, task: TaskRecord): Change {
  const why = `task ${task.id} is ${task.state} in epoch ${task.epoch}; the run was of epoch ${run.epoch}`;
  const change = { who: 'control', what: 'take-back', entity: 'run', entityId: run.id } as const;
  return { ...change, state: run.state, why };
}
