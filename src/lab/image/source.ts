import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ToolError } from '#lib/tool-error.ts';
import { type AptSource, readAptSources } from '../tools/apt-sources.ts';
import { DISTRIBUTIONS, type Distribution } from './recipe.ts';

/** Where the packages of an image come from. */
export interface ImageSource {
  readonly distribution: Distribution;
  /** The code name, for example `bookworm`. */
  readonly suite: string;
  /** In the one-line form of sources.list(5). */
  readonly sources: readonly string[];
}

/** The distribution and suite of this machine, from the archives its own apt uses. */
export async function imageSource(aptDir?: string, osRelease = '/etc/os-release'): Promise<ImageSource> {
  const release = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?([^"\\n]+)"?$`, 'm').exec(release)?.[1];
  const distribution = DISTRIBUTIONS.find(({ id }) => id === field('ID'));
  const suite = field('VERSION_CODENAME');
  if (!distribution || !suite) {
    throw new ToolError(
      `The lab's image is built from Debian's or Ubuntu's packages, and this machine is ${field('PRETTY_NAME') ?? 'neither'}. Run it on Debian 12 or 13.`,
    );
  }
  if (!existsSync(distribution.keyring)) {
    throw new ToolError(
      `${distribution.keyring} is missing: the image's packages cannot be verified. Install ${distribution.id}-archive-keyring.`,
    );
  }
  const sources = sourcesOf(await readAptSources(aptDir), distribution, suite);
  if (sources.length === 0) {
    throw new ToolError(
      `No apt source of this machine carries ${distribution.id} ${suite}. Add one to /etc/apt/sources.list.d and run this again.`,
    );
  }
  return { distribution, suite, sources };
}

/** The archives that carry the suite itself, its updates or its security fixes. */
export function sourcesOf(all: readonly AptSource[], distribution: Distribution, suite: string): string[] {
  const wanted = new Set([suite, `${suite}-updates`, `${suite}-security`]);
  return all.flatMap(({ uri, suites, components }) => {
    const usable = distribution.components.filter((component) => components.includes(component));
    if (usable.length === 0) return [];
    return suites
      .filter((each) => wanted.has(each))
      .map((each) => `deb [signed-by=${distribution.keyring}] ${uri} ${each} ${usable.join(' ')}`);
  });
}
