import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withScratchFolder } from '#provision/files.ts';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import { quote } from '#provision/ssh/shell.ts';
import { renderKnownHosts, renderSshConfig } from '#provision/ssh/ssh-config.ts';
import { sshFiles } from '#provision/ssh/ssh-files.ts';
import { smallFleet } from '#test/provision/small-fleet.ts';
import { tempDir } from '#test/temp-dir.ts';

const FLEET = smallFleet();
const { signal } = new AbortController();

describe('the SSH configuration', () => {
  const config = renderSshConfig(FLEET, sshFiles('/state'));

  it('lets people put their own before everything', () => {
    assert.equal(config.split('\n')[1], 'Include /state/ssh/config.d/*.conf');
  });

  it('knows a machine by name and address, and only its own key', () => {
    const block = config.split('\n\n').find((each) => each.startsWith('Host athena '));

    assert.equal(
      block,
      [
        'Host athena 10.220.1.50',
        'HostName 10.220.1.50',
        'User agent',
        'IdentityFile /state/ssh/id_ed25519',
        'IdentitiesOnly yes',
        'HostKeyAlias athena',
        'UserKnownHostsFile /state/ssh/known_hosts',
      ].join('\n  '),
    );
  });

  it('checks host keys, always', () => {
    assert.match(config, /^Host \*\n {2}StrictHostKeyChecking yes$/m);
    assert.doesNotMatch(config, /StrictHostKeyChecking (no|off|accept-new|ask)/);
  });

  it('means what it says to ssh itself', async () => {
    await using dir = await tempDir('ssh config');
    const { files } = await prepareSsh(FLEET, dir.path, signal);

    const said = execFileSync('ssh', ['-G', '-F', files.config, 'hub'], { encoding: 'utf8' });

    assert.match(said, /^hostname 10\.220\.1\.20$/m);
    assert.match(said, /^hostkeyalias hub$/m);
    assert.match(said, /^stricthostkeychecking (yes|true)$/m);
  });
});

describe('the keys of a fleet', () => {
  it('are made once, for us alone, and completed when one is lost', async () => {
    await using dir = await tempDir('keys');
    const first = await prepareSsh(FLEET, dir.path, signal);
    const key = first.files.hostKey('athena');
    const before = readFileSync(key, 'utf8');
    assert.equal(first.changed, true);
    assert.equal(statSync(key).mode & 0o777, 0o600);
    assert.equal(statSync(first.files.controlKey).mode & 0o777, 0o600);

    assert.equal((await prepareSsh(FLEET, dir.path, signal)).changed, false);

    rmSync(`${key}.pub`);
    rmSync(first.files.hostKey('apollo'));
    assert.equal((await prepareSsh(FLEET, dir.path, signal)).changed, true);
    assert.equal(readFileSync(key, 'utf8'), before, 'a private key that exists stays');
    assert.equal((await prepareSsh(FLEET, dir.path, signal)).changed, false);
  });

  it('are known by the name of the machine, beside the lines of others', async () => {
    await using dir = await tempDir('known hosts');
    const { files } = await prepareSsh(FLEET, dir.path, signal);
    const own = readFileSync(files.knownHosts, 'utf8');
    writeFileSync(
      files.knownHosts,
      `r420,10.220.1.7 ssh-ed25519 AAAAother\n${own}gone ssh-ed25519 AAAA olympus-machine\n`,
    );

    await prepareSsh(FLEET, dir.path, signal);

    assert.equal(readFileSync(files.knownHosts, 'utf8'), `r420,10.220.1.7 ssh-ed25519 AAAAother\n${own}`);
  });

  it('are written to known_hosts without their comments', () => {
    const lines = renderKnownHosts('', [
      { name: 'athena', publicKey: 'ssh-ed25519 AAAA somebody@somewhere' },
    ]);

    assert.equal(lines, 'athena ssh-ed25519 AAAA olympus-machine\n');
  });
});

describe('a word of a remote command', () => {
  const WORDS = [
    'plain',
    'two words',
    `it's`,
    '$(reboot)',
    '`reboot`',
    ';reboot',
    'a\nb',
    '',
    '*',
    '"',
    '\\',
    '-n',
    '~',
  ];
  for (const word of WORDS) {
    it(`arrives as it is: ${JSON.stringify(word)}`, () => {
      const said = execFileSync('sh', ['-c', `printf '%s|' ${quote(word)} end`], { encoding: 'utf8' });

      assert.equal(said, `${word}|end|`);
    });
  }
});

describe('a scratch folder', () => {
  it('goes when the work is done or fails, and so does what a killed process left', async () => {
    await using dir = await tempDir('scratch');
    const abandoned = path.join(dir.path, '.scratch-abandoned');
    mkdirSync(abandoned);
    utimesSync(abandoned, 0, 0);
    mkdirSync(path.join(dir.path, 'kept'));

    await withScratchFolder(dir.path, async (folder) => writeFileSync(path.join(folder, 'key'), 'secret'));
    await assert.rejects(
      withScratchFolder(dir.path, () => Promise.reject(new Error('no'))),
      /no/,
    );

    assert.deepEqual(readdirSync(dir.path), ['kept']);
  });
});
