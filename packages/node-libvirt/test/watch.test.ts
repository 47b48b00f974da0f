import assert from 'node:assert/strict';
import { ConnectionLost } from '../src/errors.ts';
import { watch } from '../src/watch.ts';
import { Daemon } from './support/daemon.ts';

const DOMAIN = (name: string): string =>
  `<domain type='test'><name>${name}</name><memory unit='KiB'>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`;

describe('a watch', () => {
  it('tells what happens after its daemon was killed and came back, and makes its picture anew', async () => {
    await using daemon = await Daemon.start();
    const stop = new AbortController();
    const told: string[] = [];
    let changed = Promise.withResolvers<void>();
    const tell = (what: string): void => {
      told.push(what);
      changed.resolve();
      changed = Promise.withResolvers();
    };
    const until = async (isThere: () => boolean): Promise<void> => {
      while (!isThere()) await changed.promise;
    };
    const watching = watch(daemon.uri('test:///default'), {
      signal: stop.signal,
      retryMs: 10,
      onUp: async ({ domains }) => {
        tell(`up: ${(await domains.list()).map(({ name }) => name)}`);
        await domains.define(DOMAIN('hermes'));
      },
      onDown: (reason) => tell(reason instanceof ConnectionLost ? 'down' : String(reason)),
      onDomain: ({ domain, event }) => tell(`${domain.name} ${event}`),
    });
    await until(() => told.length === 2);
    assert.deepEqual(told.splice(0), ['up: test', 'hermes defined']);

    await daemon.stop();
    await until(() => told.length >= 3);
    assert.deepEqual([...new Set(told.splice(0))], ['down'], 'each attempt that fails is told');
    await daemon.start();
    await until(() => told.includes('hermes defined'));
    assert.deepEqual(
      told.filter((what) => what !== 'down'),
      ['up: test', 'hermes defined'],
    );
    stop.abort();
    await watching;
  });

  it('ends with its signal while nothing can be reached', async () => {
    const stop = new AbortController();
    await watch('test+unix:///default?socket=/nowhere/sock', {
      signal: stop.signal,
      onUp: () => assert.fail('nothing is there'),
      onDown: () => stop.abort(),
    });
  });
});
