import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createSdNotifier } from '#lib/sd-notify.ts';
import { listenAsSystemd } from '../support/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('systemd', () => {
  before(() => {
    assert.ok(
      existsSync('/usr/bin/systemd-notify'),
      'systemd-notify is missing. Run: apt-get install systemd',
    );
  });

  it('is told what the service does, in the words of sd_notify(3)', async () => {
    await using socket = await listenAsSystemd();
    const notify = createSdNotifier({ NOTIFY_SOCKET: socket.path });

    const told: string[] = [];
    for (const tell of [
      notify.ready,
      () => notify.status('3 of 4 parts'),
      notify.watchdog,
      notify.stopping,
    ]) {
      await tell();
      told.push(await socket.next());
    }

    assert.deepEqual(told, ['READY=1', 'STATUS=3 of 4 parts', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('hears from the service at twice the pace it asked for', () => {
    const notify = createSdNotifier({ NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '30000000' });

    assert.equal(notify.watchdogEveryMs, 15_000);
  });

  it('is left alone by a service that it does not run', async () => {
    const notify = createSdNotifier({ WATCHDOG_USEC: '30000000' });

    await notify.ready();
    await notify.stopping();

    assert.equal(notify.watchdogEveryMs, undefined);
  });

  it('wants no watchdog when it names no interval', () => {
    assert.equal(createSdNotifier({ NOTIFY_SOCKET: '/run/notify' }).watchdogEveryMs, undefined);
  });

  it('that cannot be reached is an error, not silence', async () => {
    await using dir = await tempDir('notify');

    await assert.rejects(createSdNotifier({ NOTIFY_SOCKET: path.join(dir.path, 'nobody') }).ready());
  });
});
