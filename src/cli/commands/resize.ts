import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROFILES } from '#provision/inventory/inventory.ts';
import { type Resize, resizeMachine } from '#provision/inventory/resize.ts';
import { usageError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { inventoryOf, readable, readOptions, withInventory } from '../inventory-option.ts';
import { applyAndTell } from '../machines.ts';

interface Options {
  readonly inventory: string;
  readonly profile?: NonNullable<Resize['profile']>;
  readonly vcpus?: number;
  readonly memory?: number;
  readonly disk?: number;
  readonly data?: number;
  readonly apply: boolean;
  readonly json?: boolean;
}

/** `olympus resize`: writes another size of a machine into the inventory, and brings the machine there. */
export function addResize(parent: Command, context: CliContext): void {
  withInventory(parent.command('resize'), context)
    .description('give a machine another size: in the inventory, then in place or with a restart')
    .argument('<machine>', 'its name in the inventory')
    .addOption(new Option('--profile <size>', 'vCPUs and memory by a name').choices(Object.keys(PROFILES)))
    .option('--vcpus <number>', 'virtual CPUs', parseWhole)
    .option('--memory <mib>', 'MiB of memory', parseWhole)
    .option('--disk <gib>', 'GiB of root disk; it grows and never shrinks', parseWhole)
    .option('--data <gib>', 'GiB of data disk; it grows and never shrinks', parseWhole)
    .option('--no-apply', 'only write the inventory')
    .option('--json', 'print one JSON value, as apply does; with --no-apply whether anything was written')
    .addHelpText(
      'after',
      `
The size is written into hosts.yml, of which everything else stays as it is, and only when the machine still fits on its
hypervisor. Disks grow while it runs; other memory or vCPUs restart it. olympus plan says so before: add --no-apply.

Examples:
  $ olympus resize athena --memory 16384 --inventory inventory/example
  $ olympus resize athena --profile heavy --no-apply --inventory inventory/example`,
    )
    .action(async (machine: string, options: Options) => {
      const { inventory: dir, profile, vcpus, memory, disk, data, json = false } = options;
      const resize: Resize = {
        ...(profile === undefined ? {} : { profile }),
        ...(vcpus === undefined ? {} : { vcpus }),
        ...(memory === undefined ? {} : { memory_mib: memory }),
        ...(disk === undefined ? {} : { disk_gib: disk }),
        ...(data === undefined ? {} : { data_gib: data }),
      };
      if (Object.keys(resize).length === 0) {
        throw usageError('No size is given.', 'Say --profile, --vcpus, --memory, --disk or --data.');
      }
      const { machines } = inventoryOf(dir);
      const before = machines.find(({ name }) => name === machine);
      if (!before) {
        const known = machines.map(({ name }) => name).join(', ');
        throw usageError(`There is no machine ${machine} in the inventory.`, `It has ${known}.`);
      }
      for (const [what, wanted, has] of [
        ['root', disk, before.diskGib],
        ['data', data, before.dataGib],
      ] as const) {
        if (wanted === undefined || wanted >= has) continue;
        throw usageError(
          `The ${what} disk of ${machine} has ${has} GiB, and a disk never shrinks.`,
          'Name more.',
        );
      }
      const changed = readable(dir, () => resizeMachine(dir, machine, resize, readOptions()));
      context.out.note(
        changed ? `${dir}/hosts.yml has the new size of ${machine}.` : 'It has this size already.',
      );
      if (options.apply) {
        await applyAndTell(context, dir, { machines: [machine], replace: [], dryRun: false }, json);
      } else if (json) context.out.json({ changed });
    });
}

function parseWhole(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('Write a whole number.');
}
