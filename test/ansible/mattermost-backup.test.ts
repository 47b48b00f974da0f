import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { tempDir } from '#test/temp-dir.ts';
import { run } from './ansible.ts';

describe('a backup of the chat server', function () {
  this.timeout(360_000);

  it('brings posts and uploads back as they were, and only when told so', async function () {
    if (process.getuid?.() !== 0) this.skip(); // What it makes belongs to root.
    await using dir = await tempDir('chat-backup');
    const at = (...parts: string[]) => path.join(dir.path, ...parts);
    for (const folder of ['bin', 'chat/config', 'chat/data', 'backups'])
      await mkdir(at(folder), { recursive: true });
    await scriptedDocker(dir.path);
    await writeFile(at('database'), 'posts of before');
    await writeFile(at('chat/data/upload'), 'upload of before');
    const server = createServer((_request, response) =>
      response.setHeader('content-type', 'application/json').end('{"database_status": "OK"}'),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const facts = {
      ...{
        ansible_connection: 'local',
        ansible_become: false,
        ansible_python_interpreter: '/usr/bin/python3',
      },
      ...{ mattermost_host: 'r720xd', mattermost_dir: at('chat'), mattermost_backup_dir: at('backups') },
      mattermost_backup_name: 'friday',
      _mattermost_ping_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    };
    const play = (playbook: string, more: object = {}) =>
      run(
        'ansible-playbook',
        [
          '--inventory',
          'inventory/lab',
          '-e',
          JSON.stringify({ ...facts, ...more }),
          `ansible/${playbook}.yml`,
        ],
        { PATH: `${at('bin')}:${process.env['PATH']}` },
      );

    try {
      const made = await play('chat-backup');
      assert.equal(made.code, 0, made.output);
      await writeFile(at('database'), 'posts of after');
      await writeFile(at('chat/data/later'), 'upload of after');
      const refused = await play('chat-restore');
      assert.match(
        refused.output.replaceAll(/\s+/g, ' '),
        /Nothing was touched: a restore replaces all posts/,
      );
      assert.equal(await readFile(at('database'), 'utf8'), 'posts of after');

      await writeFile(at('broken'), '');
      const failed = await play('chat-restore', { reset_confirm: 'olympus' });
      assert.equal(failed.code, 2, failed.output);
      assert.match(
        failed.output.replaceAll(/\s+/g, ' '),
        /Nothing was replaced, and the chat server runs again: PostgreSQL did not take \S+: not an archive/,
      );
      assert.equal(await readFile(at('database'), 'utf8'), 'posts of after');
      assert.deepEqual(await readdir(at('chat/data')), ['later', 'upload']);
      await rm(at('broken'));

      const restored = await play('chat-restore', { reset_confirm: 'olympus' });

      assert.equal(restored.code, 0, restored.output);
      assert.equal(await readFile(at('database'), 'utf8'), 'posts of before');
      assert.deepEqual(await readdir(at('chat/data')), ['upload']);
      // Nobody writes while it is taken, or put back.
      const said = (await readFile(at('said'), 'utf8')).trim().split('\n');
      assert.deepEqual(said, ['stop', 'pg_dump', 'up', 'stop', 'up', 'stop', 'pg_restore', 'up']);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

/** Notes what it is told, and keeps the database in a file. */
async function scriptedDocker(dir: string): Promise<void> {
  const script = `#!/bin/sh
set -eu
said() { echo "$1" >>${dir}/said; }
case "$*" in
  'compose version') echo v2 ;;
  *' stop mattermost') said stop ;;
  *' pg_dump '*) said pg_dump; cat ${dir}/database ;;
  *' pg_restore '*) [ ! -e ${dir}/broken ] || { echo not an archive >&2; exit 1; }
    said pg_restore; cat >${dir}/database ;;
  *' up --detach '*) said up ;;
  *) echo "what is $*?" >&2; exit 1 ;;
esac
`;
  await writeFile(path.join(dir, 'bin/docker'), script);
  await chmod(path.join(dir, 'bin/docker'), 0o755);
}
