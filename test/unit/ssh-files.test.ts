import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { parseEffectiveConfig } from '#integrations/ssh/effective-config.ts';
import { algorithmsFor, knownKeys } from '#integrations/ssh/known-hosts.ts';

describe('known_hosts', () => {
  it('gives the keys of one name only, whole or hashed, and none that is revoked', () => {
    const hash = createHmac('sha1', Buffer.from('salt')).update('athena').digest('base64');
    const text = `# athena ssh-ed25519 COMMENT
athena ssh-ed25519 ONE olympus-machine
hub,athena ssh-rsa TWO
|1|${Buffer.from('salt').toString('base64')}|${hash} ecdsa-sha2-nistp256 THREE
athenas ssh-ed25519 OTHER
@cert-authority athena ssh-ed25519 AUTHORITY
athena ssh-ed25519 BAD
@revoked athena ssh-ed25519 BAD
`;

    const keys = knownKeys(text, 'athena');

    assert.deepEqual(
      keys.map(({ key }) => key),
      ['ONE', 'TWO', 'THREE'],
    );
    assert.deepEqual(algorithmsFor(keys), [
      'ssh-ed25519',
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ecdsa-sha2-nistp256',
    ]);
  });
});

describe('the configuration that OpenSSH would follow', () => {
  const parse = (...lines: string[]) => parseEffectiveConfig(lines.join('\n'), 'athena', '/s/ssh/config');

  it('fills in its ProxyCommand', () => {
    const { proxyCommand } = parse(
      'hostname 10.220.1.50',
      'port 22',
      'user agent',
      'proxycommand ip netns exec x nc -N %h %p # %n %r 100%%',
    );

    assert.equal(proxyCommand, 'ip netns exec x nc -N 10.220.1.50 22 # athena agent 100%');
  });

  it('carries out a ProxyJump as OpenSSH does', () => {
    const { proxyCommand } = parse('hostname 10.220.1.50', 'port 2222', 'proxyjump a,me@b:7');

    assert.equal(proxyCommand, "ssh -F '/s/ssh/config' -J 'a' -W '[10.220.1.50]:2222' 'me@b:7'");
  });

  it('knows a machine by its alias, else by its address, with an unusual port', () => {
    assert.equal(parse('hostname 10.0.0.1', 'port 22', 'hostkeyalias athena').hostKeyAlias, 'athena');
    assert.equal(parse('hostname 10.0.0.1', 'port 22').hostKeyAlias, '10.0.0.1');
    assert.equal(parse('hostname 10.0.0.1', 'port 2222').hostKeyAlias, '[10.0.0.1]:2222');
    assert.equal(parse('hostname 10.0.0.1', 'proxycommand none').proxyCommand, undefined);
  });
});
