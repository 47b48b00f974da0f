import type { TaskView } from '#core/api.ts';
import { rejectionForCaller } from '#core/rejections.ts';
import { CliError } from './cli-error.ts';

/** A task that was refused, or could not even wait, is a failure, whatever else was right. */
export function refuseRejected({ id, state, reason }: TaskView): void {
  if (state === 'failed') {
    throw new CliError(`Task ${id} failed at once (${reason}).`, `\`olympus task why ${id}\` says more.`);
  }
  if (state !== 'rejected') return;
  const { cause, remedy } = rejectionForCaller(reason ?? '') ?? {};
  throw new CliError(`The request was refused (${reason}). ${cause ?? ''}`.trim(), remedy ?? 'Ask again.');
}
