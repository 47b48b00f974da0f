import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** One archive the machine's apt is set up to use. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** The archives in an apt folder (`sources.list`, `sources.list.d/`), in apt's own order. */
export async function readAptSources(aptDir = '/etc/apt'): Promise<AptSource[]> {
  const partsDir = path.join(aptDir, 'sources.list.d');
  const parts = (await readdir(partsDir).catch(() => [])).toSorted().map((name) => path.join(partsDir, name));
  const sources: AptSource[] = [];
  for (const file of [path.join(aptDir, 'sources.list'), ...parts]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (file.endsWith('.list')) sources.push(...parseOneLineSources(text));
    if (file.endsWith('.sources')) sources.push(...parseDeb822Sources(text));
  }
  return sources;
}

/** Mirrors of Debian itself, main component: not its security archive, not another vendor's packages, no Ubuntu. */
export function debianMirrors(sources: readonly AptSource[]): string[] {
  const isDebian = ({ uri, suites, components }: AptSource): boolean =>
    components.includes('main') &&
    suites.some((suite) => DEBIAN_SUITE.test(suite)) &&
    !uri.includes('security');
  return [...new Set(sources.filter(isDebian).map((source) => source.uri))];
}

const DEBIAN_SUITE = /^(bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)$/;

/** Parses the one-line format of sources.list(5): `deb [options] uri suite component…`. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    const [, uri, suite, rest = ''] = match ?? [];
    if (uri && suite) sources.push({ uri, suites: [suite], components: words(rest) });
  }
  return sources;
}

/** Parses the deb822 format of sources.list(5): stanzas of `Field: values`, continued on indented lines. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    const fields = new Map<string, string[]>();
    for (const line of stanza.replaceAll(/\n[ \t]+/g, ' ').split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), words(line.slice(colon + 1)));
    }
    const field = (name: string): string[] => fields.get(name) ?? [];
    if (!field('types').includes('deb') || /^(no|false|0)$/.test(field('enabled')[0] ?? 'yes')) continue;
    for (const uri of field('uris')) {
      sources.push({ uri, suites: field('suites'), components: field('components') });
    }
  }
  return sources;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
