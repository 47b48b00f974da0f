import { statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { cacheDirectory } from '#lib/config.ts';
import { ToolError } from '#lib/tool-error.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** `olympus release build`: our code as one archive, for the machines. */
export function addReleaseBuild(parent: Command, context: CliContext): void {
  const { settings, out, signal } = context;
  parent
    .command('build')
    .description('pack the working tree and the packages it needs into one archive named by its content')
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      `
Content that is packed already is not packed again. The archive stays in the cache (OLYMPUS_CACHE_DIR).

Examples:
  $ olympus release build
  $ olympus release build --json | jq -r .file`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { buildRelease } = await import('#provision/release/build-release.ts');
      try {
        const release = await buildRelease({
          root: ROOT,
          cacheDir: cacheDirectory(settings.env),
          signal,
          onProgress: (sentence) => out.progress(sentence),
        });
        if (json) out.json(release);
        else out.print(`Release ${release.digest}, ${megabytes(release.file)}: ${release.file}`);
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        throw new CliError('The release could not be built.', error.message, { cause: error });
      }
    });
}

function megabytes(file: string): string {
  return `${(statSync(file).size / 1e6).toFixed(1)} MB`;
}
