import { z } from 'zod';

const Failure = z.object({
  machine: z.string(),
  message: z.string(),
  remedy: z.string(),
  console: z.array(z.string()).describe('the last lines of its console, when it was on its way up'),
});

/** What `olympus plan --json` and `apply --json` print. */
export const PlanOutput = z
  .object({
    changed: z.boolean().describe('whether there is anything to do; of apply, whether anything was done'),
    steps: z
      .array(
        z.object({
          machine: z.string(),
          kind: z.enum([
            'write-seed',
            'stop',
            'remove-root',
            'create-root',
            'create-data',
            'grow-root',
            'grow-data',
            'define',
            'autostart',
            'set-memory',
            'start',
            'resume',
            'finish',
          ]),
          effect: z
            .enum(['create', 'in place', 'restart', 'replace'])
            .describe('what it means for who uses the machine'),
          detail: z.string().describe('what changes, in words'),
        }),
      )
      .describe('in the order in which they are done to a machine'),
    changes: z
      .array(
        z.object({
          machine: z.string(),
          field: z
            .string()
            .describe('as the inventory calls it; also network (bridge or network), seed and kernel_options'),
          before: z.union([z.string(), z.number()]),
          after: z.union([z.string(), z.number()]),
          cause: z
            .enum(['wanted', 'outside'])
            .describe('something else is wanted than was applied, or somebody changed it on the hypervisor'),
          effect: z
            .enum(['in place', 'restart', 'replace'])
            .describe('what it takes for the machine to have it'),
        }),
      )
      .describe('fields that become others, each once; none of a machine that is made'),
    notes: z.array(z.string()).describe('what a person should know and nothing is done about'),
    failures: z.array(Failure).describe('machines that are not as they should be, and why'),
  })
  .meta({ title: 'olympus plan --json, olympus apply --json' });
export type PlanOutput = z.output<typeof PlanOutput>;

const Size = z.object({ memoryMib: z.number(), diskGib: z.number(), vcpus: z.number() });
const Resource = z.enum(['memoryMib', 'diskGib', 'vcpus']);
const Share = z.number().describe('how much of what there is least of is then taken: 1 is all');

/** What `olympus plan --place --json` and `plan --agents <number> --json` print. */
export const PlaceOutput = z
  .object({
    placements: z.array(
      z.object({
        machine: z.string(),
        host: z.string(),
        share: Share,
        scarce: Resource,
        beside: z
          .array(z.object({ machine: z.string(), why: z.string() }))
          .describe('those it could not be kept apart from'),
        others: z
          .array(
            z.object({
              host: z.string(),
              share: Share,
              lacking: z.array(Resource).describe('what there is too little of for it'),
              beside: z.array(z.string()),
            }),
          )
          .describe('the other hypervisors, the best first'),
      }),
    ),
    unplaceable: z.array(z.object({ machine: z.string(), size: Size })),
    hypervisors: z.array(
      z.object({ host: z.string(), total: Size, taken: Size, machines: z.array(z.string()) }),
    ),
    shortfall: z
      .object({
        machines: z.number().describe('how many fit nowhere'),
        wanted: Size,
        free: Size.describe('on all hypervisors together, in pieces'),
        hypervisorsMore: z
          .number()
          .optional()
          .describe('how many like `like` would take them; left out where one is too large for it'),
        like: z.string(),
      })
      .optional(),
  })
  .meta({ title: 'olympus plan --place --json' });

/** Each with the name of its schema in docs/reference/schemas. */
export const planOutputs = { 'olympus.plan': PlanOutput, 'olympus.plan-place': PlaceOutput } as const;
