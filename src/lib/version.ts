import { readFileSync } from 'node:fs';
import { z } from 'zod';

const PackageJson = z.object({ version: z.string() });

/** The version of this release, as package.json says it. */
export function releaseVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return PackageJson.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
