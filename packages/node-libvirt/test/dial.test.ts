import assert from 'node:assert/strict';
import { sshArguments, targetOf } from '../src/dial.ts';

describe('a URI of libvirt', () => {
  it('leads to a socket of this machine, or over ssh to one of another', () => {
    assert.deepEqual(targetOf('qemu:///system'), {
      name: 'qemu:///system',
      socket: undefined,
      ssh: undefined,
    });
    assert.equal(targetOf('test+unix:///default?socket=/tmp/a/sock').socket, '/tmp/a/sock');
    const { ssh } = targetOf('qemu+ssh://ops@r720xd:2222/system?keyfile=/keys/id');
    assert.deepEqual([ssh?.host, ssh?.user, ssh?.port, ssh?.keyFile], ['r720xd', 'ops', '2222', '/keys/id']);
    assert.equal(targetOf('qemu+ssh://[fe80::1]/system').ssh?.host, '[fe80::1]');
  });

  it('never has ssh ask, forget to check a host key, or read a host as an option', () => {
    const args = sshArguments(
      targetOf('qemu+ssh://ops@r720xd:2222/system?keyfile=/keys/id&known_hosts=/keys/hosts'),
      { sshConfig: '/lab/ssh_config' },
    );
    const text = args.join(' ');
    assert.match(text, /^-F \/lab\/ssh_config -T -e none -o BatchMode=yes/);
    assert.match(text, /StrictHostKeyChecking=yes/);
    assert.match(
      text,
      /-p 2222 -l ops -i \/keys\/id -o IdentitiesOnly=yes -o UserKnownHostsFile=\/keys\/hosts/,
    );
    assert.match(
      text,
      / -- r720xd sh -c "if command -v virt-ssh-helper .* exec virt-ssh-helper 'qemu:\/\/\/system'/,
    );
    assert.equal(sshArguments(targetOf('qemu+ssh://[fe80::1]/system')).at(-2), 'fe80::1');
    const there = sshArguments(targetOf('test+ssh://host/default?socket=/run/other/sock'));
    assert.equal(there.at(-1), 'sh -c "exec nc -U /run/other/sock"');
  });

  it('uses an ssh that is connected already, and sudo that asks nothing', () => {
    const args = sshArguments(targetOf('qemu+ssh://host/system'), { sshControl: '/run/cp/1', sudo: true });
    assert.match(
      args.join(' '),
      / -o ControlPath=\/run\/cp\/1 .*-- host sudo -n -- sh -c "if command -v virt/,
    );
  });

  for (const [uri, why] of [
    ['qemu+ssh://host/system?command=/tmp/evil', /parameter command is not allowed/],
    ['qemu+ssh://host/system?netcat=/tmp/evil', /parameter netcat is not allowed/],
    ['qemu+ssh://host/system?no_verify=1', /parameter no_verify is not allowed/],
    ['qemu+ext:///system?command=x', /not a URI of libvirt/],
    ['qemu:///system?socket=/tmp/a%3Brm', /socket is not the path of a file/],
    ['qemu+ssh://host/system?keyfile=-oProxyCommand%3Dx', /keyfile is not the path/],
    ['qemu+ssh://-oProxyCommand=x/system', /not a URI of libvirt/],
    ['qemu+ssh://-host/system', /no host is named/],
    ['qemu+ssh:///system', /no host is named/],
    ['qemu://host/system', /write qemu\+ssh/],
    ["qemu+ssh://host/system'", /not a URI of libvirt/],
    ['qemu+tls://host/system', /not a URI of libvirt/],
    ['', /not a URI of libvirt/],
  ] as const) {
    it(`is refused: ${uri || 'nothing'}`, () => assert.throws(() => targetOf(uri), why));
  }
});
