import type { Command } from 'commander';
import { cacheDirectory } from '#lib/config.ts';
import { confirm } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { explainingLab } from '../lab-errors.ts';

interface DownFlags {
  readonly purge?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `olympus lab down`: leaves nothing of the lab. */
export function addLabDown(parent: Command, context: CliContext): void {
  parent
    .command('down')
    .description('end the lab: machines, hypervisors, networks, files, keys and secrets')
    .option('--purge', 'remove the cache too: images, downloads, releases')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
It also clears what an interrupted start left; running it again changes nothing. The cache stays without --purge, so
that the next lab is up sooner.

Examples:
  $ olympus lab down
  $ olympus lab down --purge --yes`,
    )
    .action((flags: DownFlags) => explainingLab(() => down(flags, context)));
}

async function down({ purge = false, yes = false, json }: DownFlags, context: CliContext): Promise<void> {
  const { settings, out, signal } = context;
  const [{ labNames }, { lockLab }, { takeDownLab }, { purgeCache }] = await Promise.all([
    import('#lab/lab-names.ts'),
    import('#lab/lab-lock.ts'),
    import('#lab/lab-down.ts'),
    import('#lab/cache.ts'),
  ]);
  const names = labNames(settings.stateDir);
  const cacheDir = cacheDirectory(settings.env);
  const lost = `the lab in ${names.stateDir}, with its machines' disks, keys and secrets`;
  const what = `This removes ${lost}${purge ? `, and the cache ${cacheDir}` : ''}.`;
  await confirm(context, { what, word: names.id, yes });

  out.progress('waiting until nobody else works on this lab …');
  await using lock = await lockLab(names, signal);
  const { changed, kept } = await takeDownLab(names, signal);
  lock.removeFile();
  const purged = purge && purgeCache(cacheDir);
  if (json) {
    out.json({ changed: changed || purged, id: names.id, kept });
    return;
  }
  out.print(changed ? `The lab ${names.id} is gone.` : `There is no lab ${names.id}: nothing to do.`);
  if (purged) out.print(`The cache ${cacheDir} is gone too.`);
  if (kept.length > 0) {
    out.note(`Kept in ${names.stateDir}, because it is not known to be the lab's: ${kept.join(', ')}.`);
  }
}
