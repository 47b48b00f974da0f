import path from 'node:path';
import { importsOf, type Scanned, scan } from './scan.ts';

export interface SourceFile {
  /** From the root of the checkout, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly rule:
    | 'imports'
    | 'vendor'
    | 'environment'
    | 'signals'
    | 'interval'
    | 'host-keys'
    | 'length'
    | 'name';
  readonly path: string;
  readonly message: string;
}

/** Who may import whom inside src. A folder that is not here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lib: [],
  integrations: ['core', 'lib'],
  provision: ['integrations', 'core', 'lib'],
  agent: ['integrations', 'core', 'lib'],
  control: ['integrations', 'core', 'lib'],
  lab: ['provision', 'integrations', 'core', 'lib'],
  standins: ['lib'],
  cli: ['lab', 'provision', 'integrations', 'core', 'lib'],
  dashboard: [],
};

/** In these, every folder is a system of its own that does not know the others. */
const FOLDERS_OF_SYSTEMS = ['integrations', 'standins'];

/** The only places where a package may be imported; a name that ends in / stands for its whole scope. */
const VENDORS: readonly { readonly packages: readonly string[]; readonly folders: readonly string[] }[] = [
  { packages: ['nats', '@nats-io/'], folders: ['src/integrations/nats'] },
  { packages: ['@mattermost/'], folders: ['src/integrations/mattermost'] },
  { packages: ['octokit', '@octokit/'], folders: ['src/integrations/github'] },
  { packages: ['#node-libvirt'], folders: ['src/integrations/libvirt'] },
  { packages: ['ssh2'], folders: ['src/integrations/ssh'] },
  { packages: ['node:sqlite'], folders: ['src/integrations/sqlite'] },
  { packages: ['pg'], folders: ['src/integrations/postgres'] },
  { packages: ['fastify', '@fastify/'], folders: ['src/control', 'src/lib', 'src/standins'] },
  { packages: ['commander'], folders: ['src/cli'] },
  { packages: ['openclaw'], folders: [] },
];

/** Folders of `packages`, which are imported like those of others: where the table above lets them be. */
const PACKAGES_OF_OURS: readonly string[] = ['node-libvirt'];

const LONGEST_FILE = 300;

/** Holds the files to the rules of the code base. Pure: what it is given is what it judges. */
export function findViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    const scanned = /\.[jt]s$/.test(file.path) ? scan(file.text) : undefined;
    const inSource = file.path.startsWith('src/');
    const inPackage = file.path.startsWith('packages/');
    return [
      ...(scanned && inSource ? [...checkImports(file, scanned), ...checkWords(file, scanned)] : []),
      ...(scanned && inPackage ? checkPackageImports(file, scanned) : []),
      ...(scanned && /^packages\/[^/]+\/src\//.test(file.path) ? checkWords(file, scanned) : []),
      ...checkShape(file),
    ];
  });
}

function checkImports(file: SourceFile, scanned: Scanned): Violation[] {
  const specifiers = importsOf(scanned);
  return [
    ...specifiers.flatMap((specifier) => {
      const message = importProblem(file.path, specifier);
      return message ? [{ rule: 'imports' as const, path: file.path, message }] : [];
    }),
    ...specifiers.flatMap((specifier) => {
      const vendor = VENDORS.find(({ packages }) => packages.some((name) => isPackage(specifier, name)));
      if (!vendor || vendor.folders.some((folder) => file.path.startsWith(`${folder}/`))) return [];
      const message = `${specifier} may be imported in ${vendor.folders.join(', ') || 'no folder'} only`;
      return [{ rule: 'vendor' as const, path: file.path, message }];
    }),
  ];
}

/** A package stands by itself: its own files, and what Node brings. */
function checkPackageImports(file: SourceFile, scanned: Scanned): Violation[] {
  const home = file.path.split('/').slice(0, 2).join('/');
  return importsOf(scanned).flatMap((specifier) => {
    const isOwn =
      specifier.startsWith('.') &&
      path.posix.join(path.posix.dirname(file.path), specifier).startsWith(`${home}/`);
    if (isOwn || specifier.startsWith('node:')) return [];
    const message = `${specifier} is not in ${home}: a package imports its own files and node: alone`;
    return [{ rule: 'imports' as const, path: file.path, message }];
  });
}

function importProblem(from: string, specifier: string): string | undefined {
  const [folder = '', system] = unitOf(from);
  const allowed = MAY_IMPORT[folder];
  if (!allowed) return `src/${folder} is not in the table of folders`;
  if (specifier.startsWith('.')) {
    const [targetFolder = '', targetSystem] = unitOf(path.posix.join(path.posix.dirname(from), specifier));
    if (targetFolder !== folder) return `${specifier} leaves src/${folder}: write #${targetFolder}/…`;
    return system !== undefined && targetSystem !== system
      ? `${specifier}: src/${folder}/${system} may not know ${targetSystem ?? 'what is beside it'}`
      : undefined;
  }
  if (specifier.startsWith('#')) {
    const target = specifier.slice(1).split('/')[0] ?? '';
    if (PACKAGES_OF_OURS.includes(target)) return undefined;
    if (target === folder && system === undefined)
      return `${specifier} is in the same folder: write ./ or ../`;
    return allowed.includes(target) ? undefined : `src/${folder} may not import ${specifier}`;
  }
  return folder === 'core' && specifier !== 'zod' ? `src/core imports zod only, not ${specifier}` : undefined;
}

/** The folder of src a file is in, and the system, in a folder of systems. */
function unitOf(file: string): [folder: string | undefined, system?: string | undefined] {
  const [src, folder, ...rest] = file.split('/');
  if (src !== 'src' || folder === undefined) return [src];
  return FOLDERS_OF_SYSTEMS.includes(folder) && rest.length > 1 ? [folder, rest[0]] : [folder];
}

function isPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`);
}

function checkWords(file: SourceFile, scanned: Scanned): Violation[] {
  const { path: at } = file;
  const { code } = scanned;
  const found: Violation[] = [];
  const report = (rule: Violation['rule'], message: string): void => {
    found.push({ rule, path: at, message });
  };
  const readsEnvironment =
    /\bprocess\s*(\?\.|\.)\s*env\b|\}\s*=\s*process\b/.test(code) ||
    importsOf(scanned).some((specifier) => /^(node:)?process$/.test(specifier));
  if (readsEnvironment && path.posix.basename(at) !== 'main.ts' && at !== 'src/lib/config.ts') {
    report(
      'environment',
      'process.env is read in main.ts files and src/lib/config.ts only: pass the setting in',
    );
  }
  const handlesSignals = /\bprocess\s*\.\s*(on|once|addListener|prepend\w*Listener)\b/.test(code);
  if (handlesSignals && !/^src\/lib\/lifecycle[^/]*\.ts$/.test(at)) {
    report(
      'signals',
      'process.on is used in src/lib/lifecycle*.ts only: a part stops when its lifecycle says so',
    );
  }
  if (/\bsetInterval\b/.test(code)) {
    report('interval', 'setInterval lets runs overlap: use Loop of src/lib/loop.ts');
  }
  const wholeText = scanned.strings.join('\n');
  if (/StrictHostKeyChecking[\s='":,]+(no|off|false)\b/i.test(`${wholeText}\n${code}`)) {
    report('host-keys', 'SSH host keys are checked, always: give ssh the managed known_hosts');
  }
  return found;
}

function checkShape({ path: at, text }: SourceFile): Violation[] {
  const found: Violation[] = [];
  const lines = text.trimEnd().split('\n').length;
  if (lines > LONGEST_FILE && !at.endsWith('.json')) {
    found.push({
      rule: 'length',
      path: at,
      message: `${lines} lines, ${LONGEST_FILE} is the limit: split it`,
    });
  }
  // The one name that registries and forges look for.
  const isNamed = (name: string): boolean =>
    name === 'README.md' || /^\.?[a-z0-9]+([.-][a-z0-9]+)*$/.test(name);
  const misnamed = at.split('/').find((name) => !isNamed(name));
  if (misnamed !== undefined) {
    found.push({ rule: 'name', path: at, message: `${misnamed} is not in kebab-case` });
  }
  return found;
}
