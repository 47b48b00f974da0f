import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isoImage } from '#provision/cloud-init/iso-image.ts';
import { seedImage } from '#provision/cloud-init/seed.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const call = promisify(execFile);

describe('an ISO image made in memory, to the programs that read it', function () {
  this.timeout(120_000);
  let dir: TempDir;
  before(async () => {
    dir = await tempDir('iso');
  });
  after(() => dir[Symbol.asyncDispose]());

  /** The files of an image, as libarchive reads them: it knows nothing of how we wrote them. */
  async function read(image: Buffer, options: string): Promise<Record<string, string>> {
    const tree = await mkdtemp(path.join(dir.path, 'tree-'));
    const file = path.join(dir.path, 'image.iso');
    await writeFile(file, image);
    await call('bsdtar', ['-x', '-f', file, '-C', tree, '--options', options]);
    const names = await readdir(tree);
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await readFile(path.join(tree, name), 'utf8')] as const),
      ),
    );
  }

  const seed = {
    'user-data': '#cloud-config\nhostname: athena\n',
    'meta-data': 'instance-id: athena-1\n',
    'network-config': 'version: 2\n',
  };

  it('has the label by which cloud-init looks for a seed', async () => {
    const file = path.join(dir.path, 'seed.iso');
    await writeFile(file, seedImage({ ...seed }));

    const { stdout } = await call('blkid', ['--probe', '--output', 'export', file]);

    assert.match(stdout, /^LABEL=cidata$/m);
    assert.match(stdout, /^TYPE=iso9660$/m);
  });

  it('has each file as it was, by the names of Joliet', async () => {
    assert.deepEqual(await read(seedImage({ ...seed }), 'iso9660:joliet'), seed);
  });

  it('has each file as it was, by the names of ISO 9660', async () => {
    assert.deepEqual(await read(seedImage({ ...seed }), 'iso9660:!joliet'), {
      'USER-DATA': seed['user-data'],
      'META-DATA': seed['meta-data'],
      'NETWORK-CONFIG': seed['network-config'],
    });
  });

  it('keeps files of every length, empty and full sectors too', async () => {
    const files = Object.fromEntries(
      [0, 1, 2047, 2048, 2049, 4096, 100_000].map((length) => [
        `of-${length}`,
        randomBytes(length).toString('hex').slice(0, length),
      ]),
    );

    assert.deepEqual(await read(isoImage('cidata', files), 'iso9660:joliet'), files);
  });

  it('is the same for the same files, and only for them', () => {
    const image = seedImage(seed);

    assert.deepEqual(seedImage({ ...seed }), image);
    assert.notDeepEqual(seedImage({ ...seed, 'meta-data': 'instance-id: athena-2\n' }), image);
  });

  it('refuses what its fields cannot hold', () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`file-${index}`, '']));

    assert.throws(() => isoImage('cidata', many), /60 files are too many/);
    assert.throws(() => isoImage('a label that is too long', {}), /longer than 16 characters/);
  });
});
