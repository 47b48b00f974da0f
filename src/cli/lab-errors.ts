import { LabError } from '#lab/lab-error.ts';
import { ToolError } from '#lib/tool-error.ts';
import { ProgramMissing } from '#provision/command.ts';
import { CliError } from './cli-error.ts';

/** Runs something of the lab; what it has to say about its failure is what the command ends with. */
export async function explainingLab<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LabError) throw new CliError(error.message, error.remedy, { cause: error });
    if (error instanceof ProgramMissing || error instanceof ToolError) {
      throw new CliError(error.message, 'Run scripts/quickstart, which installs what the lab needs.', {
        cause: error,
      });
    }
    throw error;
  }
}
