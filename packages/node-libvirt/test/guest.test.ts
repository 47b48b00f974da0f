import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { type Connection, connect } from '../src/connect.ts';
import { LibvirtError } from '../src/errors.ts';
import type { DomainRef } from '../src/values.ts';
import { Daemon } from './support/daemon.ts';

/** Sends back each byte that comes to the first serial port, for ever: what the firmware starts of a disk, 512 bytes with a mark. */
const ECHO = Buffer.alloc(512);
// Waits for a byte (line status, bit 0), takes it, waits until it can be sent (bit 5), sends it.
ECHO.write('bafd03eca80174fbbaf803ec88c4bafd03eca82074fb88e0baf803eeebe2', 'hex');
ECHO.writeUInt16LE(0xaa55, 510);

function definition(disk: string): string {
  return `<domain type='qemu'><name>echo</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='hda' bus='ide'/></disk>
<serial type='pty'/><console type='pty'/><video><model type='vga'/></video>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`;
}

describe('a guest that runs in QEMU', () => {
  let daemon: Daemon;
  let host: Connection;
  let guest: DomainRef;
  before(async () => {
    daemon = await Daemon.start();
    host = await connect(daemon.uri('qemu:///session'));
    const disk = path.join(daemon.dir, 'echo.raw');
    writeFileSync(disk, ECHO);
    chmodSync(disk, 0o666);
    guest = await host.domains.define(definition(disk));
  });
  beforeEach(async () => {
    guest = await host.domains.start(guest);
  });
  afterEach(async () => {
    if ((await host.domains.state(guest)) !== 'shutoff') await host.domains.destroy(guest);
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
  });

  it('says and hears on its console, until it ends', async () => {
    await using other = await connect(daemon.uri('qemu:///session'));
    const serial = await other.consoles.open(guest);
    const heard = await typedUntilEchoed(serial, 'x');
    heard.text = '';
    const text = 'It is said again. '.repeat(1000);
    serial.write(text);
    await heard.until(({ length }) => length >= text.length);
    assert.equal(heard.text, text);

    const ended = once(serial, 'close');
    await host.domains.destroy(guest);
    await ended;
    assert.equal((await other.domains.list()).length, 1, 'the connection goes on');
  });

  it('has one on its console, whom another may take it from', async () => {
    const first = await host.consoles.open(guest);
    const lost = assert.rejects(once(first.resume(), 'end'), LibvirtError);
    await assert.rejects(host.consoles.open(guest), LibvirtError);
    const second = await host.consoles.open(guest, { force: true });
    await lost;
    await typedUntilEchoed(second, 'y');
    second.destroy();
    await once(second, 'close');
    const third = await retried(() => host.consoles.open(guest));
    await once(third.destroy(), 'close');
  });

  it('shows its screen', async () => {
    const { type, image } = await host.consoles.screenshot(guest);
    assert.match(type, /^image\/(x-portable-pixmap|png)$/);
    assert.match(image.subarray(0, 4).toString('latin1'), /^P6\n|PNG/);
    assert.ok(image.length > 100, `${image.length} bytes`);
  });

  it('is measured by asking QEMU, and has no agent that answers', async () => {
    const [stats] = await host.guests.stats(['state', 'cpu', 'memory']);
    assert.equal(stats?.domain.name, 'echo');
    assert.ok(Number(stats?.values.get('cpu.time')) > 0);
    await assert.rejects(host.guests.agent(guest, 'guest-ping'), { code: 86 });
  });
});

/** What has come from a console. */
class Heard {
  text = '';
  readonly #serial: Duplex;

  constructor(serial: Duplex) {
    this.#serial = serial;
    serial.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }

  async until(isThere: (text: string) => boolean): Promise<void> {
    while (!isThere(this.text)) await once(this.#serial, 'data');
  }
}

/** Types the same until it comes back, since the firmware takes what is typed before; then nothing more is under way. */
async function typedUntilEchoed(serial: Duplex, letter: string): Promise<Heard> {
  const heard = new Heard(serial);
  // Nothing says when the guest begins to listen; until then what is typed is lost.
  const timer = setInterval(() => serial.write(letter), 100);
  await heard.until((text) => text.includes(letter));
  clearInterval(timer);
  serial.write('.');
  await heard.until((text) => text.endsWith('.'));
  return heard;
}

/** The daemon lets go of a console a moment after it was left. */
async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LibvirtError) || !error.message.includes('Active console session')) throw error;
    }
  }
}
