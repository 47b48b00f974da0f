import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { type Connection, connect } from '../src/connect.ts';
import { CallTimeout, ConnectionLost, LibvirtError } from '../src/errors.ts';
import type { DomainEvent } from '../src/events.ts';
import { Daemon } from './support/daemon.ts';

const DOMAIN = `<domain type='test'>
  <name>hermes</name><memory unit='KiB'>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os>
</domain>`;
const NETWORK = `<network><name>inner</name><bridge name='inner0'/><ip address='192.0.2.1' netmask='255.255.255.0'>
  <dhcp><range start='192.0.2.10' end='192.0.2.20'/></dhcp></ip></network>`;

describe('a libvirtd', () => {
  let daemon: Daemon;
  let host: Connection;
  beforeEach(async () => {
    daemon = await Daemon.start();
    host = await connect(daemon.uri('test:///default'));
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it('says what it is and what its host is made of', async () => {
    assert.ok(host.version >= 8_000_000, String(host.version));
    const { architecture, processors, memoryKib } = await host.node.info();
    assert.deepEqual([architecture, processors, memoryKib], ['i686', 16, 3_145_728n]);
    assert.ok((await host.node.freeMemory()) > 0n);
    assert.ok((await host.node.hostname()).length > 0);
    assert.match(await host.node.capabilities(), /<capabilities>/);
  });

  it('takes a domain through its life, and tells of each step', async () => {
    const { domains, events } = host;
    const told: DomainEvent[] = [];
    const stop = await events.subscribe((event) => told.push(event));

    const hermes = await domains.define(DOMAIN);
    assert.deepEqual(await domains.find('hermes'), hermes);
    assert.equal(await domains.state(hermes), 'shutoff');
    const running = await domains.start(hermes);
    assert.ok(running.id !== undefined);
    assert.equal(await domains.state(hermes), 'running');
    assert.equal(await domains.isPersistent(hermes), true);
    await domains.suspend(hermes);
    assert.equal(await domains.state(hermes), 'paused');
    await domains.resume(hermes);
    await domains.setAutostart(hermes, true);
    assert.equal(await domains.startsWithHost(hermes), true);
    await domains.setMemory(hermes, 32_768n, 'live');
    assert.match(await domains.xml(hermes), /<currentMemory unit='KiB'>32768</);
    assert.match(await domains.xml(hermes, 'next start'), /<memory unit='KiB'>65536</);
    await domains.shutdown(hermes);
    assert.equal(await domains.state(hermes), 'shutoff');
    await domains.undefine(hermes);
    assert.equal(await domains.find('hermes'), undefined);

    const seen = told.filter(({ domain }) => domain.name === 'hermes').map(({ event }) => event);
    assert.deepEqual(seen, ['defined', 'started', 'suspended', 'resumed', 'stopped', 'undefined']);
    await stop();
    await domains.define(DOMAIN);
    assert.equal(told.length, seen.length, 'nothing is told after that');
  });

  it('keeps what is written into the metadata of a domain', async () => {
    const { domains } = host;
    const hermes = await domains.define(DOMAIN);
    const ours = { uri: 'urn:test:1', prefix: 't' };
    await domains.setMetadata(hermes, { ...ours, xml: '<spec>1</spec>' }, 'config');
    assert.match(await domains.metadata(hermes, ours.uri, 'config'), /<spec>1<\/spec>/);
    await domains.setMetadata(hermes, { ...ours, xml: undefined }, 'config');
    await assert.rejects(domains.metadata(hermes, ours.uri, 'config'), LibvirtError);
  });

  it('measures all domains in one call', async () => {
    const hermes = await host.domains.define(DOMAIN);
    await host.domains.start(hermes);
    const stats = await host.guests.stats(['state']);
    const of = stats.find(({ domain }) => domain.name === 'hermes');
    assert.equal(of?.values.get('state.state'), 1);
  });

  it('takes snapshots, goes back to them and drops them', async () => {
    const { domains, snapshots } = host;
    const hermes = await domains.define(DOMAIN);
    const before = await snapshots.create(hermes, '<domainsnapshot><name>before</name></domainsnapshot>');
    assert.match(await snapshots.xml(before), /<creationTime>\d+<\/creationTime>/);
    await domains.start(hermes);
    await snapshots.revert(before);
    assert.equal(await domains.state(hermes), 'shutoff');
    assert.deepEqual(
      (await snapshots.list(hermes)).map(({ name }) => name),
      ['before'],
    );
    await snapshots.delete(before);
    assert.deepEqual(await snapshots.list(hermes), []);
  });

  it('defines, starts, changes and removes networks', async () => {
    const { networks } = host;
    const inner = await networks.define(NETWORK);
    await networks.start(inner);
    assert.equal(await networks.isActive(inner), true);
    await networks.setAutostart(inner, true);
    const athena = { mac: '52:54:00:00:00:01', address: '192.0.2.11', name: 'athena' };
    await networks.setDhcpHost(inner, 'add', athena);
    assert.match(await networks.xml(inner), /<host mac='52:54:00:00:00:01' name='athena' ip='192.0.2.11'\/>/);
    await networks.setDhcpHost(inner, 'delete', athena);
    assert.doesNotMatch(await networks.xml(inner), /athena/);
    await networks.stop(inner);
    await networks.undefine(inner);
    assert.equal(await networks.find('inner'), undefined);
    assert.deepEqual(
      (await networks.list()).map(({ name }) => name),
      ['default'],
    );
  });

  it('says no with a code, and what was asked', async () => {
    const { domains } = host;
    const hermes = await domains.define(DOMAIN);
    await assert.rejects(domains.destroy(hermes), { code: 55, procedure: 'DOMAIN_DESTROY_FLAGS' });
    await assert.rejects(domains.define('<domain/>'), LibvirtError);
    await assert.rejects(domains.state({ name: 'gone', uuid: '00000000-0000-0000-0000-000000000000' }), {
      code: 42,
    });
    await assert.rejects(host.guests.agent(hermes, 'guest-ping'), { code: 3 });
  });

  it('that is killed is a lost connection to every call, and none is an empty list', async () => {
    const calls = Array.from({ length: 20 }, () => host.domains.list());
    daemon.kill('SIGKILL');
    const outcomes = await Promise.allSettled([...calls, host.domains.list()]);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled')
        assert.deepEqual(
          outcome.value.map(({ name }) => name),
          ['test'],
        );
      else assert.ok(outcome.reason instanceof ConnectionLost, String(outcome.reason));
    }
    await assert.rejects(host.domains.list(), ConnectionLost);
    assert.ok((await host.ended) instanceof ConnectionLost);

    await daemon.start();
    await using again = await connect(daemon.uri('test:///default'));
    assert.equal((await again.domains.list()).length, 1);
  });

  it('that is stopped in its tracks is found out by pings, and calls have their time', async () => {
    await using watched = await connect(daemon.uri('test:///default'), { keepaliveMs: 100 });
    daemon.kill('SIGSTOP');
    await assert.rejects(host.domains.list({ timeoutMs: 50 }), CallTimeout);
    await assert.rejects(watched.domains.list(), /libvirtd has not answered for \d+ ms/);
    daemon.kill('SIGCONT');
    assert.equal((await host.domains.list()).length, 1, 'the other one goes on');
  });

  it('that is not there is a lost connection with a reason', async () => {
    await assert.rejects(connect('qemu+unix:///system?socket=/nowhere/sock'), (error: Error) => {
      assert.ok(error instanceof ConnectionLost);
      assert.match(error.message, /ENOENT/);
      return true;
    });
  });

  it('keeps volumes: made, overlaid, grown, written, read back whole and removed', async () => {
    await using session = await connect(daemon.uri('qemu:///session'));
    const { pools, volumes } = session;
    const folder = path.join(daemon.dir, 'pool');
    const pool = await pools.define(
      `<pool type='dir'><name>p</name><target><path>${folder}</path></target></pool>`,
    );
    await pools.build(pool);
    await pools.start(pool);
    assert.equal(await pools.isActive(pool), true);
    assert.ok((await pools.info(pool)).capacity > 0n);

    const bytes = randomBytes(3_000_000);
    const base = await volumes.create(pool, volumeXml('base.raw', bytes.length, 'raw'));
    await volumes.upload(base, chunksOf(bytes, 700_001));
    assert.equal(sha256(await collect(volumes.download(base))), sha256(bytes));
    const copy = await volumes.clone(pool, volumeXml('copy.raw', bytes.length, 'raw'), base);
    assert.equal(sha256(await collect(volumes.download(copy))), sha256(bytes));

    await volumes.resize(base, 4_194_304n);
    assert.equal((await volumes.info(base)).capacity, 4_194_304n);
    assert.equal(await volumes.path(base), path.join(folder, 'base.raw'));
    assert.deepEqual((await volumes.list(pool)).map(({ name }) => name).toSorted(), ['base.raw', 'copy.raw']);
    for (const each of await volumes.list(pool)) await volumes.delete(each);
    assert.equal(await volumes.find(pool, 'base.raw'), undefined);
    await pools.stop(pool);
    await pools.undefine(pool);
    assert.equal(await pools.find('p'), undefined);
  });

  it('ends a transfer that fails or is left, and goes on with the connection', async () => {
    await using session = await connect(daemon.uri('qemu:///session'));
    const { pools, volumes } = session;
    const pool = await pools.define(
      `<pool type='dir'><name>p</name><target><path>${path.join(daemon.dir, 'q')}</path></target></pool>`,
    );
    await pools.build(pool);
    await pools.start(pool);
    const volume = await volumes.create(pool, volumeXml('v.raw', 8_000_000, 'raw'));

    const broken = async function* (): AsyncGenerator<Buffer> {
      yield randomBytes(100_000);
      throw new Error('the source has failed');
    };
    await assert.rejects(volumes.upload(volume, broken()), /the source has failed/);
    let bytes = 0;
    for await (const chunk of volumes.download(volume)) {
      bytes += chunk.length;
      if (bytes > 300_000) break;
    }
    const stop = new AbortController();
    await assert.rejects(async () => {
      for await (const chunk of volumes.download(volume, { signal: stop.signal })) {
        if (chunk.length > 0) stop.abort(new Error('enough'));
      }
    }, /enough/);
    await assert.rejects(volumes.upload({ ...volume, name: 'none', key: '/none' }, []), LibvirtError);
    assert.equal((await volumes.list(pool)).length, 1);
  });
});

function volumeXml(name: string, bytes: number, format: string): string {
  return `<volume><name>${name}</name><capacity>${bytes}</capacity><target><format type='${format}'/></target></volume>`;
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
