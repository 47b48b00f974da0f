import assert from 'node:assert/strict';
import path from 'node:path';
import { parse } from 'yaml';
import { fillTemplate } from '#provision/cloud-init/fill-template.ts';
import { readSeedTemplates, renderSeed, type SeedValues } from '#provision/cloud-init/seed.ts';
import { assertGolden } from '#test/golden.ts';

const TEMPLATES = readSeedTemplates(path.resolve(import.meta.dirname, '../..'));
const HOST_KEY = {
  privateKey: 'the private half\nof a host key\n',
  publicKey: 'ssh-ed25519 AAAAhost athena',
};
const ATHENA: SeedValues = {
  name: 'athena',
  fqdn: 'athena.olympus.internal',
  user: 'agent',
  authorizedKeys: ['ssh-ed25519 AAAAcontrol olympus@olympus'],
  mac: '52:54:00:e8:52:f5',
  address: '10.220.1.50/24',
  gateway: '10.220.1.1',
  dns: ['8.8.8.8', '8.8.4.4'],
};

describe('the seed of a machine', () => {
  for (const [name, values] of [
    ['athena', ATHENA],
    ['without-gateway', { ...ATHENA, gateway: undefined, dns: [] }],
  ] as const) {
    it(`is what test/golden/cloud-init/${name} says`, () => {
      const seed = renderSeed(TEMPLATES, values, HOST_KEY);

      for (const file of ['user-data', 'meta-data', 'network-config'] as const) {
        assertGolden(`cloud-init/${name}/${file}`, seed[file]);
      }
    });
  }

  it('is YAML, and begins as cloud-init wants it', () => {
    const seed = renderSeed(TEMPLATES, ATHENA, HOST_KEY);

    assert.match(seed['user-data'], /^#cloud-config\n/);
    assert.equal(parse(seed['user-data']).ssh_keys.ed25519_private, HOST_KEY.privateKey);
    assert.equal(parse(seed['network-config']).ethernets.primary.match.macaddress, ATHENA.mac);
    assert.equal(parse(seed['network-config']).ethernets.primary.dhcp4, false);
  });

  it('has an instance id that an edit changes, and the host key does not', () => {
    const id = (values: SeedValues, key?: typeof HOST_KEY): string =>
      renderSeed(TEMPLATES, values, key).instanceId;

    assert.equal(id(ATHENA, HOST_KEY), id(ATHENA));
    assert.notEqual(id({ ...ATHENA, address: '10.220.1.60/24' }), id(ATHENA));
    const commented = { ...TEMPLATES, 'user-data': `${TEMPLATES['user-data']}# a comment\n` };
    assert.equal(renderSeed(commented, ATHENA).instanceId, id(ATHENA));
    assert.notEqual(id({ ...ATHENA, authorizedKeys: [] }), id(ATHENA));
  });

  it('holds no key once it is rendered without one', () => {
    const seed = renderSeed(TEMPLATES, ATHENA);

    assert.doesNotMatch(Object.values(seed).join('\n'), /private half|^ssh_keys/m);
    assert.match(seed['meta-data'], new RegExp(seed.instanceId));
  });
});

describe('a template', () => {
  it('keeps a value inside of its field, whatever it is', () => {
    const filled = fillTemplate('name: {{ name }}\n', { name: 'a"\nusers: [root] # {{ name }}' });

    assert.deepEqual(parse(filled), { name: 'a"\nusers: [root] # {{ name }}' });
  });

  it('leaves out a line whose value is absent, and refuses a place that nobody knows', () => {
    assert.equal(fillTemplate('a: {{ a }}\nb: {{ b }}\n', { a: 1, b: undefined }), 'a: 1\n');
    assert.throws(() => fillTemplate('a: {{ a }}', {}), /wants a, which nobody gives/);
  });
});
