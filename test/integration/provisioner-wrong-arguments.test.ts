import assert from 'node:assert/strict';
import { Random } from '#test/chaos/random.ts';
import { RealBench } from '#test/provision/real-bench.ts';
import { wrongName } from '#test/provision/wrong-names.ts';

const COUNT = 1000;

describe('taking machines away with wrong arguments', function () {
  this.timeout(300_000);
  let bench: RealBench;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bench = await RealBench.start();
    // They come as far as machines without a guest can.
    await bench.olympus('apply', '--machine', 'athena', '--machine', 'apollo');
    await bench.on(`cat >/root/handmade.xml <<'END'
<domain type="qemu"><name>handmade</name><memory unit="MiB">32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>
END
virsh define /root/handmade.xml`);
  });
  after(() => bench?.[Symbol.asyncDispose]());

  it(`touches nothing, ${COUNT} times`, async () => {
    const random = new Random(5);
    const before = await bench.manifest();
    assert.match(before, /<name>athena<.*<name>handmade<.*athena\/root\.qcow2/s);
    const tried = new Set<string>();

    for (let round = 0; round < COUNT; round += 1) {
      const args = wrongArguments(random);
      tried.add(JSON.stringify(args));
      const { code, stderr } = await bench.olympus(...args);
      assert.ok(code !== 0 && stderr.trim() !== '', `${JSON.stringify(args)} ended with ${code}: ${stderr}`);
      assert.doesNotMatch(stderr, /\n {4}at /, `a stack trace for ${JSON.stringify(args)}`);
    }

    assert.ok(tried.size > COUNT / 2, `${tried.size} different ones`);
    assert.equal(await bench.manifest(), before);
  });

  it('takes what is named, and leaves what is beside it', async () => {
    const { code, stderr } = await bench.olympus('destroy', '--machine', 'apollo', '--yes');

    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(await bench.on('virsh list --all --name | sort | xargs'), 'athena handmade');
    assert.equal(await bench.on('ls /var/lib/olympus/machines | xargs'), 'athena');
  });
});

/** A call that must not be done: a wrong name, alone or beside a right one, or a right one that nobody has confirmed. */
function wrongArguments(random: Random): string[] {
  const name = wrongName(random);
  const options = random.shuffled([
    '--yes',
    ...random.pick([[], ['--purge'], ['--json'], ['--purge', '--json']]),
  ]);
  return random.pick([
    ['destroy', '--machine', name, ...options],
    ['destroy', `--machine=${name}`, ...options],
    ['destroy', '--machine', 'athena', '--machine', name, ...options],
    ['destroy', '--machine', name, '--machine', 'athena', ...options],
    ['destroy', '--machine', 'athena', name === '' ? 'apollo' : name, ...options],
    ['destroy', ...options],
    ['destroy', 'athena', ...options],
    ['destroy', '--all', ...options],
    ['destroy', '--machine', ...options],
    ['destroy', '--machine', 'athena', ...options.filter((each) => each !== '--yes')],
    ['destroy', '--machine', 'athena', `--yes=${name}`],
  ]);
}
