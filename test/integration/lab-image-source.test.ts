import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DISTRIBUTIONS } from '#lab/image/recipe.ts';
import { imageSource, sourcesOf } from '#lab/image/source.ts';
import { tempDir } from '#test/temp-dir.ts';

const [debian] = DISTRIBUTIONS;

describe('where the packages of an image come from', () => {
  it('is the archives of this suite, its updates and its security fixes, checked by the archive key', () => {
    assert.ok(debian);
    const all = [
      {
        uri: 'http://a/debian',
        suites: ['bookworm', 'bookworm-updates', 'sid'],
        components: ['main', 'contrib'],
      },
      { uri: 'http://a/security', suites: ['bookworm-security'], components: ['main'] },
      { uri: 'http://b/other', suites: ['stable'], components: ['main'] },
      { uri: 'http://c/debian', suites: ['bookworm'], components: ['non-free'] },
    ];
    const signed = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
    assert.deepEqual(sourcesOf(all, debian, 'bookworm'), [
      `${signed} http://a/debian bookworm main`,
      `${signed} http://a/debian bookworm-updates main`,
      `${signed} http://a/security bookworm-security main`,
    ]);
  });

  it('is refused for another system, and where no archive carries the suite', async () => {
    await using dir = await tempDir('image-source');
    const release = path.join(dir.path, 'os-release');
    await writeFile(release, 'ID=fedora\nVERSION_CODENAME=x\nPRETTY_NAME="Fedora 44"\n');
    await assert.rejects(imageSource(dir.path, release), /this machine is Fedora 44\. Run it on Debian/);
    await writeFile(release, 'ID=debian\nVERSION_CODENAME=bookworm\n');
    await mkdir(path.join(dir.path, 'sources.list.d'));
    await assert.rejects(
      imageSource(dir.path, release),
      /No apt source of this machine carries debian bookworm/,
    );
  });
});
