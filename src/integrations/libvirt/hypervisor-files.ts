import { z } from 'zod';
import {
  type Disk,
  type FilesOfMachine,
  type FilesThere,
  HypervisorError,
  type Shell,
  type ShellOptions,
  type ShellResult,
} from './hypervisor.ts';

const DiskReport = z.object({
  'virtual-size': z.number(),
  'full-backing-filename': z.string().optional(),
});

/** Features that every kernel we start can mount, whatever the hypervisor's own e2fsprogs would choose. */
const EXT4_FEATURES =
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum';

/** Scripts for /bin/sh; what varies is given as arguments. A file gets its own name only when it is whole. */
const SCRIPTS = {
  // What arrives may have been cut on its way: the shell here takes the end of it for its end.
  write: `mkdir -p -m 711 "$(dirname "$1")" && umask 077 && cat > "$1.new" || exit
[ "$(stat -c %s "$1.new")" = "$2" ] || { rm -f "$1.new"; echo "not all of $1 arrived" >&2; exit 1; }
mv -f "$1.new" "$1"`,
  // A disk that is there is never written over, whoever else may be making it: a link fails where a file is.
  overlay: `set -e; mkdir -p -m 711 "$(dirname "$1")"; rm -f "$1".new.*; trap 'rm -f "$1.new.$$"' EXIT
qemu-img create -q -f qcow2 -F qcow2 -b "$2" "$1.new.$$" "$3"; ln "$1.new.$$" "$1"`,
  dataDisk: `set -e; PATH=$PATH:/usr/sbin:/sbin
mkdir -p -m 711 "$(dirname "$1")"; rm -f "$1".new.* "$1".raw.*; trap 'rm -f "$1.new.$$" "$1.raw.$$"' EXIT
truncate -s "$3" "$1.raw.$$"; mke2fs -q -F -t ext4 -L "$2" -O ${EXT4_FEATURES} -E lazy_itable_init=1 "$1.raw.$$"
qemu-img convert -f raw -O qcow2 "$1.raw.$$" "$1.new.$$"; ln "$1.new.$$" "$1"`,
  // What is there stays, and who moves twice finds it moved. A copy to another file system could be cut: that is refused.
  move: `set -e; if [ ! -e "$1" ] && [ -e "$2" ]; then exit 0; fi
if [ -e "$2" ]; then echo "$2 is there already" >&2; exit 1; fi
to=$(dirname "$2"); mkdir -p -m 711 "$to"
[ "$(stat -c %d "$1")" = "$(stat -c %d "$to")" ] || { echo "$to is on another file system" >&2; exit 1; }
mv -T -- "$1" "$2"`,
  // A folder without a disk is put aside for it and not removed before: somebody may just be making one in there.
  putBack: `set -e; aside="$2.aside.$$"
has_disk() { [ -e "$1/root.qcow2" ] || [ -e "$1/data.qcow2" ]; }
taken() { echo "there is a disk in $1 already" >&2; exit 1; }
if has_disk "$2"; then taken "$2"; fi
if [ -e "$2" ]; then mv -T -- "$2" "$aside"; fi
if has_disk "$aside"; then mv -T -- "$aside" "$2"; taken "$2"; fi
mv -T -- "$1" "$2"; rm -rf -- "$aside"`,
  list: '[ ! -d "$1" ] || ls -A1 "$1"',
  remove: 'if [ -e "$1" ] || [ -L "$1" ]; then rm -rf -- "$1" && echo removed; fi',
  // A running domain has its disks locked; looking does no harm. The parts of the answer are divided by a NUL.
  look: `set -e; for disk in "$1" "$2"; do
  if [ -e "$disk" ]; then qemu-img info --force-share --output=json "$disk"; fi; printf '\\0'
done
if [ -e "$3" ]; then echo there; fi; printf '\\0'
if [ -e "$4" ]; then echo there; cat "$4"; fi`,
  read: '[ ! -e "$1" ] || { echo there; cat "$1"; }',
  size: '[ ! -e "$1" ] || stat -c %s "$1"',
  tail: '[ ! -e "$1" ] || tail -n "$2" "$1"',
  // A nested sandbox may offer /dev/kvm and still not run an ordinary kernel. A kernel that gets as far as looking
  // for its root disk, and ends there for want of one, has shown that it runs.
  kvm: `[ -c /dev/kvm ] || exit 1
for kernel in "$1" "/boot/vmlinuz-$(uname -r)"; do
  [ -r "$kernel" ] || continue
  timeout 30 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults -nographic -no-reboot -serial stdio \
    -kernel "$kernel" -append "console=ttyS0 panic=-1" 2>&1 </dev/null | grep -q "VFS: Unable to mount root"
  exit
done
grep -qwE "vmx|svm" /proc/cpuinfo`,
} as const;

/** What `qemu-img info` has said of a disk; undefined where it said nothing, for there was none. */
function diskOf(info: string): Disk | undefined {
  if (info === '') return undefined;
  const report = DiskReport.parse(JSON.parse(info));
  return { sizeBytes: report['virtual-size'], backing: report['full-backing-filename'] };
}

/** Whatever a caller gets wrong, nothing outside of our own folder is ever removed or moved. */
function mustBeOfMachine(file: string): void {
  if (/^\/var\/lib\/olympus\/[a-z]+\/(\.trash\/)?[a-z0-9][\w./-]*$/.test(file) && !file.includes('..'))
    return;
  throw new Error(`${file} is not a file of a machine`);
}

/** The files of a hypervisor that machines are made of. */
export class HypervisorFiles {
  readonly #name: string;
  readonly #shell: Pick<Shell, 'run'>;

  constructor(name: string, shell: Pick<Shell, 'run'>) {
    this.#name = name;
    this.#shell = shell;
  }

  async look({ root, data, seed, ready }: FilesOfMachine, signal: AbortSignal): Promise<FilesThere> {
    const what = `looking at the disks ${root} and ${data}`;
    const { stdout } = await this.#script('look', what, [root, data, seed, ready], { signal });
    const [rootInfo = '', dataInfo = '', seedThere = '', readyThere = ''] = stdout.split('\0');
    return {
      root: diskOf(rootInfo),
      data: diskOf(dataInfo),
      hasSeed: seedThere !== '',
      ready: readyThere === '' ? undefined : readyThere.slice('there\n'.length),
    };
  }

  async createOverlay(file: string, base: string, sizeGib: number, signal: AbortSignal): Promise<void> {
    await this.#script('overlay', `making the disk ${file}`, [file, base, `${sizeGib}G`], { signal });
  }

  async createDataDisk(file: string, label: string, sizeGib: number, signal: AbortSignal): Promise<void> {
    await this.#script('dataDisk', `making the disk ${file}`, [file, label, `${sizeGib}G`], { signal });
  }

  async growDisk(file: string, sizeGib: number, signal: AbortSignal): Promise<void> {
    const args = ['resize', '-q', '-f', 'qcow2', file, `${sizeGib}G`];
    await this.#must(`growing the disk ${file}`, 'qemu-img', args, { signal });
  }

  async size(file: string, signal: AbortSignal): Promise<number | undefined> {
    const { stdout } = await this.#script('size', `looking at ${file}`, [file], { signal });
    return stdout === '' ? undefined : Number(stdout);
  }

  async read(file: string, signal: AbortSignal): Promise<string | undefined> {
    const { stdout } = await this.#script('read', `reading ${file}`, [file], { signal });
    return stdout === '' ? undefined : stdout.slice('there\n'.length);
  }

  async write(file: string, content: string | Uint8Array, signal: AbortSignal): Promise<void> {
    const length = String(Buffer.byteLength(content));
    await this.#script('write', `writing ${file}`, [file, length], { signal, input: content });
  }

  async move(from: string, to: string, signal: AbortSignal): Promise<void> {
    for (const each of [from, to]) mustBeOfMachine(each);
    await this.#script('move', `moving ${from}`, [from, to], { signal });
  }

  async putBack(from: string, to: string, signal: AbortSignal): Promise<void> {
    for (const each of [from, to]) mustBeOfMachine(each);
    await this.#script('putBack', `putting ${from} back`, [from, to], { signal });
  }

  async list(folder: string, signal: AbortSignal): Promise<string[]> {
    const { stdout } = await this.#script('list', `looking into ${folder}`, [folder], { signal });
    return stdout.split('\n').filter(Boolean);
  }

  async remove(file: string, signal: AbortSignal): Promise<boolean> {
    mustBeOfMachine(file);
    const { stdout } = await this.#script('remove', `removing ${file}`, [file], { signal });
    return stdout !== '';
  }

  async tail(file: string, lines: number, signal: AbortSignal): Promise<string[]> {
    const { stdout } = await this.#script('tail', `reading ${file}`, [file, String(lines)], { signal });
    return stdout.split('\n').filter((line) => line.trim() !== '');
  }

  async hasKvm(kernel: string | undefined, signal: AbortSignal): Promise<boolean> {
    const { code } = await this.#shell.run('sh', ['-c', SCRIPTS.kvm, 'kvm', kernel ?? ''], { signal });
    return code === 0;
  }

  #script(
    script: keyof typeof SCRIPTS,
    what: string,
    args: readonly string[],
    options: ShellOptions,
  ): Promise<ShellResult> {
    return this.#must(what, 'sh', ['-c', SCRIPTS[script], script, ...args], options);
  }

  async #must(
    what: string,
    program: string,
    args: readonly string[],
    options: ShellOptions,
  ): Promise<ShellResult> {
    const result = await this.#shell.run(program, args, options);
    if (result.code === 0) return result;
    const reason = result.stderr.trim().split(/\n+/).join(' ') || `exit code ${result.code}`;
    throw new HypervisorError(
      this.#name,
      `${this.#name}: ${what} failed: ${reason}.`,
      /No space left/i.test(reason)
        ? 'Free disk space there, then try again.'
        : 'See that qemu-utils and e2fsprogs are installed there and that the account may write to /var/lib/olympus.',
    );
  }
}
