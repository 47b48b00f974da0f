import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ToolError } from '#lib/tool-error.ts';
import { debianMirrors, readAptSources } from './apt-sources.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A Debian package that was fetched and unpacked into a folder, never installed. */
export interface UnpackedPackage {
  /** Debian's own version, for example 2.15.1-1. */
  readonly version: string;
  /** Of the .deb file, checked against the signed index. */
  readonly sha256: string;
  readonly root: string;
}

/**
 * Fetches a package from a suite of the Debian mirror that this machine already uses, and unpacks it under `workDir`.
 * The machine's own apt state, sources and packages stay as they are; root is not needed.
 */
export async function unpackDebianPackage(options: {
  readonly name: string;
  readonly suite: string;
  readonly workDir: string;
  readonly signal: AbortSignal;
}): Promise<UnpackedPackage> {
  const { name, suite, workDir, signal } = options;
  const config = await writePrivateAptConfig(workDir, suite, await findMirror(name));
  const run = $({ signal, quiet: true, cwd: workDir, timeout: '10m' });

  await run`LC_ALL=C apt-get -c ${config} -o Acquire::Retries=3 update`;
  const shown = await run`LC_ALL=C apt-cache -c ${config} show --no-all-versions ${name}`;
  const field = (wanted: string): string => {
    const value = new RegExp(`^${wanted}: (.+)$`, 'm').exec(shown.stdout)?.[1];
    if (!value) throw new ToolError(`The package index of Debian ${suite} has no ${wanted} for ${name}.`);
    return value;
  };
  const expected = { version: field('Version'), sha256: field('SHA256') };

  await run`LC_ALL=C apt-get -c ${config} -o Acquire::Retries=3 download ${name}`;
  const file = (await readdir(workDir)).find((entry) => entry.endsWith('.deb'));
  if (!file) throw new ToolError(`apt-get downloaded no file for ${name} from Debian ${suite}.`);
  const sha256 = createHash('sha256')
    .update(await readFile(path.join(workDir, file)))
    .digest('hex');
  if (sha256 !== expected.sha256) {
    throw new ToolError(`${file} has the SHA-256 ${sha256}, the signed index says ${expected.sha256}.`);
  }
  const root = path.join(workDir, 'root');
  await run`dpkg -x ${path.join(workDir, file)} ${root}`;
  return { version: expected.version, sha256, root };
}

async function findMirror(name: string): Promise<string> {
  if (!existsSync(KEYRING)) {
    throw new ToolError(
      `${name} is taken from Debian, and ${KEYRING} is missing: this machine cannot verify it.`,
    );
  }
  const [mirror] = debianMirrors(await readAptSources());
  if (!mirror)
    throw new ToolError(
      `${name} is taken from Debian, and no apt source of this machine is a Debian mirror.`,
    );
  return mirror;
}

/** An apt of its own: state, cache and sources all below `workDir`; the machine's proxy and TLS settings still hold. */
async function writePrivateAptConfig(workDir: string, suite: string, mirror: string): Promise<string> {
  const at = (...names: string[]): string => path.join(workDir, 'apt', ...names);
  await mkdir(at('state', 'lists', 'partial'), { recursive: true });
  await mkdir(at('cache', 'archives', 'partial'), { recursive: true });
  await writeFile(
    at('olympus.sources'),
    `Types: deb\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\nSigned-By: ${KEYRING}\n`,
  );
  await writeFile(
    at('apt.conf'),
    [
      `Dir::State "${at('state')}";`,
      `Dir::Cache "${at('cache')}";`,
      `Dir::Etc::sourcelist "${at('olympus.sources')}";`,
      `Dir::Etc::sourceparts "${at('no-parts')}";`,
      // Without this, root's apt hands downloads to the user _apt, who may not enter a private folder.
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      '',
    ].join('\n'),
  );
  return at('apt.conf');
}
