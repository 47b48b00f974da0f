import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HYPERVISORS } from '#test/lab.ts';
import { RealBench } from '#test/provision/real-bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { ANSIBLE, type Ended, run } from '../ansible/ansible.ts';

const [, r720xd] = HYPERVISORS;
const IMAGES = '/var/lib/olympus/images';

describe('the role image', function () {
  this.timeout(180_000);
  let bench: RealBench;
  let dir: TempDir;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bench = await RealBench.start();
    dir = await tempDir('image-role');
    await symlink(path.join(ANSIBLE, 'group_vars'), path.join(dir.path, 'group_vars')); // They belong to a playbook.
  });
  after(async () => {
    await bench?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  it('sends the image to one hypervisor, and the others copy it from there, with a key that gives nothing else away', async () => {
    const image = await imageOf('one', dir);
    await bench.on('touch /root/secret');
    // Whoever copies asks for something else with it as well, and notes what came.
    await bench.onOther(`cat >/usr/local/bin/ssh <<'END' && chmod 755 /usr/local/bin/ssh
#!/bin/sh
/usr/bin/ssh "$@" ls /root >/root/asked 2>&1 </dev/null
exec /usr/bin/ssh "$@"
END`);

    const { code, output } = await setUp(bench, dir, image);

    assert.equal(code, 0, output);
    assert.deepEqual(sentTo(output), ['r420'], output);
    for (const on of [bench.on, bench.onOther]) {
      const found = await on.call(
        bench,
        `sha256sum <${IMAGES}/${image.name}; stat -c '%a %U' ${IMAGES}/${image.name}`,
      );
      assert.equal(found, `${image.sha256}  -\n444 root`);
      assert.equal(
        await on.call(bench, `ls -A ${IMAGES} | grep -c -e fetch -e part || true`),
        '0',
        'something is left',
      );
      assert.equal(
        await on.call(bench, `grep -c 'olympus image for' /root/.ssh/authorized_keys || true`),
        '0',
        'a key is left',
      );
    }
    assert.equal(
      await bench.onOther('sha256sum </root/asked'),
      `${image.sha256}  -`,
      'it got the image, not the folder',
    );
    await bench.onOther('rm -f /usr/local/bin/ssh');
    const { output: again } = await setUp(bench, dir, image);
    assert.match(again, /r720xd +: .*changed=0/);
  });

  it('sends it to the other one as well where the first does not let it in, and says why', async () => {
    const image = await imageOf('three', dir);
    await bench.on(`iptables -I INPUT -s ${r720xd.address} -p tcp --dport 22 -j REJECT`);

    const { code, output } = await setUp(bench, dir, image);
    await bench.on(`iptables -D INPUT -s ${r720xd.address} -p tcp --dport 22 -j REJECT`);

    assert.equal(code, 0, output);
    assert.deepEqual(sentTo(output), ['r420', 'r720xd'], output);
    assert.match(
      output,
      /r720xd cannot copy the image from r420, and gets it from outside:\s+ssh:\s+connect\s+to\s+host/,
    );
    assert.equal(await bench.onOther(`sha256sum <${IMAGES}/${image.name}`), `${image.sha256}  -`);
    assert.equal(await bench.on(`grep -c 'olympus image for' /root/.ssh/authorized_keys || true`), '0');
  });

  it('does not take from another one what is not the wanted image', async () => {
    const made = await imageOf('five', dir);
    const image = { ...made, name: `${made.sha256.slice(0, 12)}.qcow2` };
    // By its name the first one has it.
    await bench.on(`echo something else >${IMAGES}/${image.name}`);

    const { code, output } = await setUp(bench, dir, image);

    assert.equal(code, 0, output);
    assert.deepEqual(sentTo(output), ['r720xd'], output);
    assert.match(
      output,
      /r720xd cannot copy the image from r420, and gets it from outside:[\s\S]*has the SHA-256/,
    );
    assert.equal(await bench.onOther(`sha256sum <${IMAGES}/${image.name}`), `${image.sha256}  -`);
  });

  it('is undone with the key that a copy which was cut has left', async () => {
    const image = await imageOf('six', dir);
    for (const on of [bench.on, bench.onOther]) await on.call(bench, `touch ${IMAGES}/${image.name}`);
    const line = 'restrict ssh-ed25519 AAAA olympus image for r720xd of';
    await bench.on(`printf '${line} olympus\\n${line} another\\n' >>/root/.ssh/authorized_keys`);
    await bench.onOther(`touch ${IMAGES}/.fetch-olympus ${IMAGES}/.fetch-olympus.pub`);

    const { code, output } = await setUp(bench, dir, image, { reset: true });

    assert.equal(code, 0, output);
    assert.equal(
      await bench.on(`sed -n 's/.*image for r720xd of //p' /root/.ssh/authorized_keys`),
      'another',
    );
    assert.equal(await bench.onOther(`ls -A ${IMAGES} | grep -c fetch || true`), '0');
  });

  it('does not take what is not the wanted image', async () => {
    const image = await imageOf('four', dir);

    const { code, output } = await setUp(bench, dir, { ...image, sha256: '0'.repeat(64) });

    assert.notEqual(code, 0);
    assert.match(output, /has the SHA-256 [0-9a-f]{64},\s+and vm_image_sha256\s+says 0{64}/);
    for (const on of [bench.on, bench.onOther]) {
      assert.equal(await on.call(bench, `ls ${IMAGES} | grep -c '^${image.name}$' || true`), '0');
    }
  });
});

interface Image {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
}

/** Something that no other has the checksum of. */
async function imageOf(what: string, dir: TempDir): Promise<Image> {
  const content = Buffer.from(what.repeat(200_000));
  const file = path.join(dir.path, what);
  await writeFile(file, content);
  return { name: `${what}.qcow2`, file, sha256: createHash('sha256').update(content).digest('hex') };
}

async function setUp(bench: RealBench, dir: TempDir, image: Image, more: object = {}): Promise<Ended> {
  bench.writeInventory([
    'vm_image_file: base.qcow2',
    `vm_image_file: ${image.name}\nvm_image_sha256: "${image.sha256}"`,
  ]);
  const playbook = path.join(dir.path, 'play.yml');
  const play = { hosts: 'hypervisors', gather_facts: false, roles: [path.join(ANSIBLE, 'roles/image')] };
  await writeFile(playbook, JSON.stringify([play]));
  const variables = { image_file: image.file, hypervisor_become: false, ...more };
  return run('ansible-playbook', [playbook, '-i', bench.inventory, '-e', JSON.stringify(variables)], {
    OLYMPUS_STATE_DIR: bench.stateDir,
  });
}

/** The hypervisors that the control node sent the image to. */
function sentTo(output: string): string[] {
  const sent = output
    .split(/^TASK /m)
    .filter((each) => each.includes('Copy the image under a preliminary name'));
  return sent
    .flatMap((each) => [...each.matchAll(/^changed: \[(\S+?)\]/gm)].map(([, host = '']) => host))
    .sort();
}
