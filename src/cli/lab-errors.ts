import { LabError } from '#lab/lab-error.ts';
import { CliError } from './cli-error.ts';

/** Runs something of the lab; what it has to say about its failure is what the command ends with. */
export async function explainingLab<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LabError) throw new CliError(error.message, error.remedy, { cause: error });
    throw error;
  }
}
