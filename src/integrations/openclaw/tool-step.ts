import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ToolStep } from '#core/harness.ts';

/** Of a call's arguments, for whoever reads what was tried. */
const SHOWN_CHARACTERS = 200;

const ToolResult = z.object({
  content: z.unknown(),
  details: z.object({ exitCode: z.number().nullish() }).optional().catch(undefined),
});

/**
 * What a tool call came to. Of its result only the content counts: what stands beside it (times, process ids) is another
 * one every time. A command that ended with an exit code has failed, though its call has not.
 */
export function toolStepOf(
  tool: string,
  args: unknown,
  ended: { readonly result: unknown; readonly isError: boolean },
): ToolStep {
  const parsed = ToolResult.safeParse(ended.result);
  const exitCode = parsed.data?.details?.exitCode ?? 0;
  const shown = JSON.stringify(args) ?? '';
  return {
    tool,
    args: digest(args),
    result: digest(parsed.data?.content ?? ended.result),
    failed: ended.isError || exitCode !== 0,
    shown: shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}…` : shown,
  };
}

function digest(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 32);
}
