import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { type Ended, moduleRun } from './ansible.ts';

const UNIT = 'olympusd.service';

describe('olympus_units', () => {
  let dir: TempDir;
  let server: Server;
  let url: string;
  /** What the program answers, in turn; the last one for ever. */
  let answers: [status: number, body: string][];

  beforeEach(async () => {
    dir = await tempDir('units');
    answers = [[200, 'ready']];
    server = createServer((_request, response) => {
      const [status, body] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, ''];
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await dir[Symbol.asyncDispose]();
  });

  it('starts what does not run, and says so', async () => {
    const ended = await units({ ready: [{ unit: UNIT, url }] }, 'inactive');

    assert.deepEqual(ended.result, { ...ended.result, changed: true, changed_units: [UNIT] });
    assert.match(await calls(), /^start olympusd\.service$/m);
  });

  it('starts nothing where it is only to look, and calls that a failure', async () => {
    const ended = await units({ start: false, ready: [{ unit: UNIT, url }] }, 'inactive');

    assert.match(ended.result.msg ?? '', /olympusd\.service is not ready: it does not run/);
    assert.doesNotMatch(await calls(), /^start/m);
  });

  it('stops what runs, and says so', async () => {
    const ended = await units({ stopped: [UNIT] }, 'active');

    assert.deepEqual(ended.result, { ...ended.result, changed: true, changed_units: [UNIT] });
    assert.equal(await calls(), 'stop olympusd.service\n');
  });

  it('stops nothing that does not run', async () => {
    const ended = await units({ stopped: [UNIT] }, 'inactive');

    assert.equal(ended.result.changed, false);
    assert.doesNotMatch(await calls(), /^stop/m);
  });

  it('changes nothing about what runs', async () => {
    const ended = await units({ started: [UNIT], ready: [{ unit: UNIT, url }] }, 'active');

    assert.equal(ended.result.changed, false);
    assert.doesNotMatch(await calls(), /^(start|restart)/m);
  });

  it('restarts several at once, and lets systemd read only what has changed again', async () => {
    const ended = await units({ restart: ['ssh.service', 'ufw.service'] }, 'active');

    assert.equal(ended.result.changed, true);
    assert.equal(await calls(), 'restart ssh.service ufw.service\n');
  });

  it('lets systemd read a changed unit again before it restarts it', async () => {
    await units({ restart: [UNIT] }, 'active\nNeedDaemonReload=yes');

    assert.equal(await calls(), 'daemon-reload\nrestart olympusd.service\n');
  });

  it('waits until the program says that it is ready', async () => {
    answers = [
      [503, 'not yet'],
      [503, 'not yet'],
      [200, 'ready'],
    ];

    const ended = await units({ ready: [{ unit: UNIT, url }] }, 'active');

    assert.equal(ended.result.changed, false);
    assert.equal(answers.length, 1);
  });

  it('asks a systemd again that is too busy to answer, and takes its silence for no answer', async () => {
    await writeFile(`${dir.path}/unanswered`, 'x\nx\nx\n');

    const stopped = await units({ stopped: [UNIT] }, 'active');

    assert.equal(stopped.result.changed, true);
    assert.equal(await calls(), 'stop olympusd.service\n');
  });

  it('tells a systemd again that was too busy to take it', async () => {
    await writeFile(`${dir.path}/busy`, 'x\nx\n');

    const ended = await units({ restart: ['ssh.service'] }, 'active');

    assert.equal(ended.result.changed, true);
    assert.equal(await calls(), 'restart ssh.service\n'.repeat(3));
  });

  it('says that systemd does not answer, rather than that nothing runs', async () => {
    await writeFile(`${dir.path}/unanswered`, 'x\n'.repeat(9));

    const ended = await units({ stopped: [UNIT] }, 'active');

    assert.match(ended.result.msg ?? '', /olympusd\.service: systemd did not answer, 4 times: .*timed out/);
    assert.equal(await calls(), '');
  });

  it('goes on waiting for a unit of which systemd says nothing for a while', async () => {
    answers = [
      [503, 'not yet'],
      [503, 'not yet'],
      [200, 'ready'],
    ];
    // After it was asked whether the unit runs at all.
    await writeFile(`${dir.path}/silent`, 'x\n'.repeat(9));

    const ended = await units({ ready: [{ unit: UNIT, url }] }, 'active');

    assert.equal(ended.result.msg, undefined);
  });

  it('ends at once, with the end of the journal, when systemd has given the unit up', async () => {
    answers = [[503, 'not yet']];

    const ended = await units(
      { restart: [UNIT], ready: [{ unit: UNIT, url }], timeout_seconds: 60 },
      'failed',
      'failed',
    );

    assert.match(ended.result.msg ?? '', /olympusd\.service is not ready: systemd says it is failed/);
    assert.match(ended.result.msg ?? '', /The end of its journal:\nOLYMPUS_NATS_URL is not set/);
  });

  it('goes on waiting for a program whose first start failed and that systemd starts again, and says so', async () => {
    answers = [
      [503, 'not yet'],
      [200, 'ready'],
    ];

    const ended = await units({ ready: [{ unit: UNIT, url }] }, 'inactive', 'activating', [], 1);

    assert.deepEqual(ended.result, { ...ended.result, changed: true, changed_units: [UNIT] });
    assert.match(ended.output, /olympusd\.service failed once/);
    assert.match(ended.output, /OLYMPUS_NATS_URL is not set/);
  });

  it('does not go on for a unit that it cannot ask whether it is ready', async () => {
    const ended = await units({ restart: ['ssh.service'] }, 'active', 'activating', [], 1);

    assert.match(ended.result.msg ?? '', /ssh\.service is not ready: systemctl restart says/);
  });

  it('gives up after its time, with what the program said and how often systemd restarted it', async () => {
    answers = [[503, '{"failing":["bus"]}']];

    const ended = await units({ ready: [{ unit: UNIT, url }], timeout_seconds: 1 }, 'active');

    assert.match(
      ended.result.msg ?? '',
      /after 1 s and 3 restarts, .*\/readyz says: it answered 503: \{"failing":\["bus"\]\}/,
    );
  });

  it('only looks in check mode', async () => {
    const ended = await units(
      { restart: ['ssh.service'], ready: [{ unit: UNIT, url }] },
      'inactive',
      'active',
      ['--check'],
    );

    assert.deepEqual(ended.result, { ...ended.result, changed: true, changed_units: ['ssh.service', UNIT] });
    assert.doesNotMatch(await calls(), /^(start|restart|daemon-reload)/m);
  });

  /** Runs it with a systemctl that says `state`, and `after` once it was told to start or restart something. */
  async function units(
    given: object,
    state: string,
    after = 'active',
    options: readonly string[] = [],
    exitCode = 0,
  ): Promise<Ended & { result: { changed?: boolean; changed_units?: string[]; msg?: string } }> {
    const bin = `${dir.path}/bin`;
    await mkdir(bin);
    await writeFile(`${dir.path}/state`, state);
    await writeFile(
      `${bin}/systemctl`,
      `#!/bin/sh
if [ "$1" = show ] && [ -s ${dir.path}/unanswered ]; then
  sed -i 1d ${dir.path}/unanswered
  echo "Failed to get properties: Connection timed out" >&2; exit 1
elif [ "$1" = show ]; then
  if [ -e ${dir.path}/asked ] && [ -s ${dir.path}/silent ]; then
    sed -i 1d ${dir.path}/silent
    echo "Failed to get properties: Connection timed out" >&2; exit 1
  fi
  touch ${dir.path}/asked
  echo "ActiveState=$(cat ${dir.path}/state)"; echo NRestarts=3
else
  echo "$@" >> ${dir.path}/calls
  [ -s ${dir.path}/busy ] && { sed -i 1d ${dir.path}/busy; echo "Failed: Connection timed out" >&2; exit 1; }
  case $1 in start|restart) printf ${after} > ${dir.path}/state; exit ${exitCode} ;; esac
fi
`,
      { mode: 0o755 },
    );
    await writeFile(`${bin}/journalctl`, '#!/bin/sh\necho OLYMPUS_NATS_URL is not set\n', { mode: 0o755 });
    return moduleRun('olympus_units', given, options, { PATH: `${bin}:${process.env['PATH']}` });
  }

  async function calls(): Promise<string> {
    const file = `${dir.path}/calls`;
    return existsSync(file) ? readFile(file, 'utf8') : '';
  }
});
