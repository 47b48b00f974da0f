import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gatewayEnvironment } from '#integrations/openclaw/environment.ts';
import { COMPILE_CACHE, DEFAULT_COMPILE_CACHE, OPENCLAW_UID } from '#lab/image/recipe.ts';
import { IDLE_PROCESS_FLAGS, SMALL_PROCESS_FLAGS, smallProcessEnv } from '#lab/local/small-process.ts';
import { readConfig } from '#lib/config.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { ControlConfig } from '../../src/control/config.ts';
import { ROOT, run } from './ansible.ts';
import { readTree, renderTemplates } from './rendered.ts';

const GOLDEN = path.join(ROOT, 'test/golden/units');
const UNITS = {
  'athena/etc/systemd/system/openclaw-gateway.service': { user: 'openclaw' },
  'athena/etc/systemd/system/olympusd.service': { user: 'olympusd' },
  'hub/etc/systemd/system/nats-server.service': { user: 'nats' },
  'hub/etc/systemd/system/olympus-control.service': { user: 'olympus' },
  'hub/etc/systemd/system/olympus-standin-mattermost.service': { user: 'olympus-standins' },
};

describe('what the roles write into a machine', () => {
  let dir: TempDir;
  let rendered: Map<string, string>;

  before(async () => {
    dir = await tempDir('units');
    rendered = await renderTemplates(dir.path);
  });

  after(() => dir[Symbol.asyncDispose]());

  it('is what test/golden/units says; OLYMPUS_UPDATE_GOLDEN=1 accepts a change', async () => {
    if (process.env['OLYMPUS_UPDATE_GOLDEN']) {
      for (const [name, text] of rendered) {
        await mkdir(path.dirname(path.join(GOLDEN, name)), { recursive: true });
        await writeFile(path.join(GOLDEN, name), text);
      }
    }

    assert.deepEqual(Object.fromEntries(rendered), Object.fromEntries(await readTree(GOLDEN)));
  });

  it('tells control who may give work, in words that it takes', () => {
    const text = rendered.get('hub/etc/olympus/control.env') ?? '';
    const given = /^OLYMPUS_CHAT_ACCESS='(.*)'$/m.exec(text)?.[1] ?? '';
    const settings = ControlConfig.pick({ OLYMPUS_CHAT_ACCESS: true, OLYMPUS_PAIR_PER_DAY: true });

    const read = readConfig(settings, { OLYMPUS_CHAT_ACCESS: given, OLYMPUS_PAIR_PER_DAY: '20' });

    assert.deepEqual(read.OLYMPUS_CHAT_ACCESS.channels['leads'], { users: ['ada'], roles: ['system_admin'] });
    assert.deepEqual(read.OLYMPUS_CHAT_ACCESS.direct, { users: [] });
    assert.match(text, /^OLYMPUS_PAIR_PER_DAY=20$/m);
    const wrong = (value: string) => () => readConfig(settings, { OLYMPUS_CHAT_ACCESS: value });
    assert.throws(wrong('{"direct": {}}'), /OLYMPUS_CHAT_ACCESS=.*write users, roles or both.*at direct/s);
    assert.throws(wrong('ada'), /it is not what chat_access of the inventory may be/);
  });

  it('tells control what is worked at on GitHub, in words that it takes', () => {
    const text = rendered.get('hub/etc/olympus/control.env') ?? '';
    const given = /^OLYMPUS_GITHUB='(.*)'$/m.exec(text)?.[1] ?? '';

    const read = readConfig(ControlConfig.pick({ OLYMPUS_GITHUB: true }), { OLYMPUS_GITHUB: given });

    const athena = { login: 'athena-acme[bot]', app: 1, installation: 2 };
    assert.deepEqual(read.OLYMPUS_GITHUB?.agents['athena'], athena);
    assert.match(text, /^OLYMPUS_GITHUB_SECRETS_DIR=\/etc\/olympus\/secrets\/control\/github$/m);
  });

  it('opens the dashboard to the admin network where openclaw_bind is lan, and nowhere else', () => {
    assert.match(
      rendered.get('apollo/etc/ufw/user.rules') ?? '',
      /--dport 18789 -s 10\.220\.1\.0\/24 -j ACCEPT/,
    );
    assert.doesNotMatch(rendered.get('athena/etc/ufw/user.rules') ?? '', /18789/);
  });

  it("takes the compiled code that the lab's image was made with: its user's number, and its place", () => {
    const users = rendered.get('athena/etc/sysusers.d/olympus.conf') ?? '';
    const unit = rendered.get('athena/etc/systemd/system/openclaw-gateway.service') ?? '';
    assert.match(users, new RegExp(`^u openclaw ${OPENCLAW_UID} `, 'm'));
    assert.ok(unit.includes(`\nBindPaths=/${COMPILE_CACHE}:/${DEFAULT_COMPILE_CACHE}\n`), unit);
  });

  for (const [name, { user }] of Object.entries(UNITS)) {
    describe(`${path.basename(name)}`, () => {
      it('is a unit that systemd takes', async () => {
        // The programs of a machine are not on this one, and systemd asks whether they can be run.
        const at = path.join(dir.path, path.basename(name));
        const text = rendered.get(name) ?? '';
        await writeFile(at, text.replaceAll(/^(Exec(?:Start|Reload))=\S+/gm, '$1=/bin/true'));

        const ended = await run('systemd-analyze', ['verify', '--man=no', at]);

        const own = ended.output.split('\n').filter((line) => line.includes(path.basename(name)));
        assert.deepEqual(own, []);
      });

      it('runs as its own user, hardened, with a limit for its memory', () => {
        const lines = (rendered.get(name) ?? '').split('\n');

        for (const line of [
          `User=${user}`,
          'NoNewPrivileges=yes',
          'CapabilityBoundingSet=',
          'ProtectSystem=strict',
          'ProtectHome=yes',
          'PrivateTmp=yes',
          'LockPersonality=yes',
          'ProtectKernelModules=yes',
          'SystemCallFilter=@system-service',
          'UMask=0077',
          'Restart=always',
        ]) {
          assert.ok(lines.includes(line), `${line} is missing`);
        }
        assert.ok(lines.some((line) => line.startsWith('MemoryMax=')));
        // The gateway has to do without: docs/decisions/0016.
        const setuid = lines.findLast((line) => line.startsWith('RestrictSUIDSGID='));
        assert.equal(setuid, `RestrictSUIDSGID=${user === 'openclaw' ? 'no' : 'yes'}`);
        assert.ok(!lines.includes('StandardOutput=null') || lines.includes('StandardError=journal'));
        // Node writes machine code at run time.
        assert.ok(!lines.some((line) => line.startsWith('MemoryDenyWriteExecute')));
      });
    });
  }

  it('lets systemd watch our own processes, and wait until they are ready', () => {
    for (const name of [
      'athena/etc/systemd/system/olympusd.service',
      'hub/etc/systemd/system/olympus-control.service',
    ]) {
      const text = rendered.get(name) ?? '';

      assert.match(text, /^Type=notify$/m);
      assert.match(text, /^NotifyAccess=all$/m);
      assert.match(text, /^WatchdogSec=\d+$/m);
      assert.match(text, /^RestartPreventExitStatus=78$/m);
    }
  });

  it('starts our processes with the flags and settings that keep them small', () => {
    const command = (name: string): string => /^ExecStart=(.*)$/m.exec(rendered.get(name) ?? '')?.[1] ?? '';
    const environment = environmentOf(rendered.get('athena/etc/systemd/system/olympusd.service') ?? '');

    const daemon = command('athena/etc/systemd/system/olympusd.service');
    const control = command('hub/etc/systemd/system/olympus-control.service');

    assert.equal(
      daemon,
      `/opt/olympus/node/bin/node ${IDLE_PROCESS_FLAGS.join(' ')} /opt/olympus/current/src/agent/main.ts`,
    );
    assert.equal(
      control,
      `/opt/olympus/node/bin/node ${SMALL_PROCESS_FLAGS.join(' ')} /opt/olympus/current/src/control/main.ts`,
    );
    assert.deepEqual(environment, { NODE_ENV: 'production', ...smallProcessEnv('%C/olympusd') });
  });

  it('gives the gateway the environment of a local one, and a shell for the agent', () => {
    const environment = environmentOf(
      rendered.get('athena/etc/systemd/system/openclaw-gateway.service') ?? '',
    );

    assert.deepEqual(environment, {
      ...gatewayEnvironment({
        homeDir: '/data/openclaw',
        stateDir: '/data/openclaw/state',
        configPath: '/etc/openclaw/openclaw.json',
        path: '/usr/local/bin:/usr/bin:/bin',
      }),
      SHELL: '/bin/bash',
    });
  });
});

function environmentOf(unit: string): Record<string, string> {
  const lines = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, words]) => (words ?? '').split(' '));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
