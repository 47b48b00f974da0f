import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import path from 'node:path';

/** The places and names of one lab; all follow from its state directory, so two labs never share one. */
export interface LabNames {
  readonly id: string;
  /** The state directory, without symbolic links. */
  readonly stateDir: string;
  /** `<state>/lab`: the lab's own files. */
  readonly dir: string;
  readonly logDir: string;
  readonly switchNamespace: string;
  /** What a namespace of this lab carries, to tell it from one that merely has the name. */
  readonly mark: string;
  namespaceOf(hypervisor: string): string;
}

const LONGEST_ALIAS = 240;

/** Derives the names of the lab whose state is in `stateDir`, which need not exist. */
export function labNames(stateDir: string): LabNames {
  const real = realPath(path.resolve(stateDir));
  const id = createHash('sha256').update(real).digest('hex').slice(0, 6);
  return {
    id,
    stateDir: real,
    dir: path.join(real, 'lab'),
    logDir: path.join(real, 'logs'),
    switchNamespace: `olympus-${id}-switch`,
    mark: `olympus lab ${id} of ${real}`.slice(0, LONGEST_ALIAS),
    namespaceOf: (hypervisor) => `olympus-${id}-${hypervisor}`,
  };
}

/** The real path of what exists, and the rest as it was given. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    const parent = path.dirname(file);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === file) throw error;
    return path.join(realPath(parent), path.basename(file));
  }
}
