import { z } from 'zod';
import { INPUT_LIMIT } from './messages/task-create.ts';
import { AgentName, Token } from './tokens.ts';

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const LONGEST_JOIN_MS = 12 * UNITS.h;
const STEPS_LIMIT = 16;
/** Of the text with which the lead is asked, so that there is room for what the others answer. */
const SYNTHESISE_LIMIT = 6000;

const said = (limit: number) =>
  z
    .string()
    .trim()
    .min(1, 'write what is to be done')
    .refine((text) => Array.from(text).length <= limit, `write at most ${limit} characters`);

const Deadline = z
  .string()
  .regex(/^[1-9]\d*[smh]$/, 'write a number and s, m or h, such as 15m')
  .transform((text) => Number.parseInt(text, 10) * UNITS[text.slice(-1) as keyof typeof UNITS])
  .refine((ms) => ms <= LONGEST_JOIN_MS, 'wait at most 12h');

const Need = z
  .string()
  .regex(/^(all|at-least [1-9]\d*)$/, 'write all, or at-least and a number, such as at-least 2')
  .transform((text) => (text === 'all' ? undefined : Number(text.slice('at-least '.length))));

const Step = z
  .strictObject({
    id: Token,
    /** Any agent that has it; or `agent`, this one. */
    domain: Token.optional(),
    agent: AgentName.optional(),
    ask: said(INPUT_LIMIT),
  })
  .refine(
    ({ domain, agent }) => (domain === undefined) !== (agent === undefined),
    'name a domain or an agent, and not both',
  );

/** `agents/workflows/<name>.yml`: what several agents are asked at the same time, and who makes one answer of theirs. */
export const Workflow = z
  .strictObject({
    name: Token,
    lead: AgentName,
    steps: z
      .array(Step)
      .min(1, 'name at least one step')
      .max(STEPS_LIMIT, `name at most ${STEPS_LIMIT} steps`),
    join: z.strictObject({
      /** In milliseconds, once it is read. */
      deadline: Deadline,
      /** How many have to be completed; undefined for all, once it is read. */
      need: Need.prefault('all'),
    }),
    synthesise: said(SYNTHESISE_LIMIT),
  })
  .superRefine(({ steps, join }, context) => {
    for (const [index, { id }] of steps.entries()) {
      if (steps.findIndex((step) => step.id === id) === index) continue;
      context.addIssue({
        code: 'custom',
        path: ['steps', index, 'id'],
        message: `there is a step ${id} already`,
      });
    }
    if ((join.need ?? 0) > steps.length) {
      const message = `at least ${join.need} of ${steps.length} steps cannot be`;
      context.addIssue({ code: 'custom', path: ['join', 'need'], message });
    }
  });
export type Workflow = z.output<typeof Workflow>;
