import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FaultKind } from './plan.ts';

/** A run that is gone: nobody has it, and nothing moves; or control finds that out first, and buries its task. */
const NOBODY_HAS_IT = /nobody has its run|nothing moved|has ended as dead_lettered/;

/** A promise taken out of the product, and what shows that it is missed. */
export interface Mutation {
  readonly words: string;
  readonly edits: readonly Edit[];
  /** What shows it: these faults in this order, on this many tasks and agents. */
  readonly kinds: readonly FaultKind[];
  readonly tasks: number;
  readonly agents: number;
  readonly seed: number;
  /** The violation that has to be found. */
  readonly shows: RegExp;
}

interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

export const mutations = {
  'no-journal': {
    words: 'a daemon does not find the runs in its journal again',
    edits: [
      {
        file: 'src/agent/journal/journal.ts',
        from: 'DELETE FROM rungs WHERE run_id NOT IN (SELECT run_id FROM runs)',
        to: 'DELETE FROM runs',
      },
    ],
    kinds: ['late-result', 'kill-daemon', 'late-dispatch', 'late-dispatch', 'late-dispatch'],
    tasks: 20,
    agents: 1,
    seed: 2,
    shows: /had its effect 2 times/,
  },
  'no-msg-id': {
    words: 'messages are published without Nats-Msg-Id',
    edits: [
      { file: 'src/integrations/nats/publisher.ts', from: 'msgID: message.msgId, ', to: '' },
      { file: 'src/integrations/nats/connection.ts', from: "given.set('Nats-Msg-Id', msgId);", to: '' },
    ],
    kinds: ['half-open-control', 'half-open-daemon', 'half-open-control', 'half-open-daemon'],
    tasks: 30,
    agents: 1,
    seed: 1,
    shows: /^told twice/,
  },
  'ack-before-publish': {
    words: 'a request is acknowledged before it is written down and published',
    edits: [
      {
        file: 'src/control/admission/admission.ts',
        from: 'await store.transaction(write);\n    onWritten();',
        to: 'await message.ack();\n    await store.transaction(write);\n    onWritten();',
      },
    ],
    kinds: [
      'full-disk-control',
      'half-open-control',
      'half-open-control',
      'kill-control',
      'full-disk-control',
    ],
    tasks: 60,
    agents: 1,
    seed: 1,
    shows: /was taken and is no task/,
  },
  'ack-before-claim': {
    words: 'a daemon acknowledges released work before its claim is written down',
    edits: [
      {
        file: 'src/agent/parts/tasks.ts',
        from: 'await runner.finish(await runner.claim(dispatch), message, signal);',
        to: 'await message.ack();\n    await runner.finish(await runner.claim(dispatch), message, signal);',
      },
    ],
    // What was pulled before the daemon knows that its disk is full cannot be claimed. A kill would have to hit the moment
    // between, and has the fleet wait for half a minute.
    kinds: ['full-disk-daemon', 'full-disk-daemon'],
    tasks: 20,
    agents: 1,
    seed: 1,
    shows: NOBODY_HAS_IT,
  },
  'epoch-ignored': {
    words: 'a result settles its task whatever its epoch',
    edits: [{ file: 'src/control/settle/results.ts', from: 'run.epoch !== task.epoch || ', to: '' }],
    kinds: ['stale-epoch'],
    tasks: 5,
    agents: 1,
    seed: 1,
    shows: /answered by a run that is not its current one/,
  },
  'no-outbox': {
    words: 'control and daemons do not find their outboxes again',
    edits: [
      {
        file: 'src/control/store/ask-repository.ts',
        from: "this.#db.run('DELETE FROM asks WHERE second <= ?'",
        to: "this.#db.run('DELETE FROM outbox');\n    this.#db.run('DELETE FROM asks WHERE second <= ?'",
      },
      {
        file: 'src/agent/journal/journal.ts',
        from: 'DELETE FROM outbox WHERE done_at < ?',
        to: 'DELETE FROM outbox WHERE 0 < ?',
      },
    ],
    kinds: ['kill-cut-control', 'kill-cut-daemon', 'kill-cut-control'],
    tasks: 40,
    agents: 1,
    seed: 1,
    shows: NOBODY_HAS_IT,
  },
} as const satisfies Record<string, Mutation>;

export type MutationName = keyof typeof mutations;

export const mutationNames = Object.keys(mutations) as MutationName[];

/** A checkout in `dir` that is the one in `root` but for the mutation; it throws when an edit fits not exactly once. */
export async function mutatedCopy(root: string, dir: string, name: MutationName): Promise<void> {
  const changed = await mutatedFiles(root, name);
  for (const folder of ['src', 'agents'])
    await cp(path.join(root, folder), path.join(dir, folder), { recursive: true });
  await cp(path.join(root, 'package.json'), path.join(dir, 'package.json'));
  await symlink(path.join(root, 'node_modules'), path.join(dir, 'node_modules'));
  for (const [file, text] of changed) await writeFile(path.join(dir, file), text);
}

/** The files that a mutation changes, changed; it throws when an edit fits not exactly once. */
export async function mutatedFiles(root: string, name: MutationName): Promise<Map<string, string>> {
  const changed = new Map<string, string>();
  for (const { file, from, to } of mutations[name].edits) {
    const text = changed.get(file) ?? (await readFile(path.join(root, file), 'utf8'));
    const places = text.split(from).length - 1;
    if (places !== 1) {
      throw new Error(
        `the mutation ${name} no longer fits the code: in ${file} it looks for "${from}" once, and finds it ${places} times; mend it in test/support/chaos/mutations.ts`,
      );
    }
    changed.set(
      file,
      text.replace(from, () => to),
    );
  }
  return changed;
}
