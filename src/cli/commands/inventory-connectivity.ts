import type { Command } from 'commander';
import { type Knocks, knocksOf, type Opening, openingsOf } from '#provision/connectivity/openings.ts';
import type { CliContext } from '../context.ts';
import { table } from '../format.ts';
import { inventoryOf, withInventory } from '../inventory-option.ts';

/** What the table of who may reach whom makes of one machine. */
interface Reach {
  readonly open: readonly Opening[];
  readonly knocks: readonly Knocks[];
}

/** `olympus inventory connectivity`: which ports of which machines are open to whom. */
export function addInventoryConnectivity(parent: Command, context: CliContext): void {
  const { out } = context;
  withInventory(parent.command('connectivity'), context)
    .description('who may reach whom: the ports that the firewall of each machine opens')
    .option('--json', 'print one JSON value, with what each machine finds when it knocks at the others')
    .addHelpText(
      'after',
      `
It follows from inventory/connectivity.yml, of which ansible/setup.yml makes the firewalls, and against which
ansible/verify.yml knocks. All other TCP ports are closed to everybody.

Examples:
  $ olympus inventory connectivity --inventory inventory/example
  $ olympus inventory connectivity --inventory inventory/example --json | jq '.machines.hub.open'`,
    )
    .action(({ inventory: dir, json }: { inventory: string; json?: boolean }) => {
      const inventory = inventoryOf(dir);
      const { machines } = inventory;
      if (json) {
        const reach = machines.map((machine): [string, Reach] => [
          machine.name,
          { open: openingsOf(machine, inventory), knocks: knocksOf(machine, inventory) },
        ]);
        out.json({ machines: Object.fromEntries(reach) });
        return;
      }
      const rows = machines.flatMap((machine) =>
        openingsOf(machine, inventory).map(({ service, port, from }, index) => [
          index === 0 ? machine.name : '',
          String(port),
          service,
          from === '0.0.0.0/0' ? 'anyone' : from,
        ]),
      );
      for (const line of table(['MACHINE', 'PORT', 'SERVICE', 'FROM'], rows, out.width)) out.print(line);
    });
}
