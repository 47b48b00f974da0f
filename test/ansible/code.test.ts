import assert from 'node:assert/strict';
import { run } from './ansible.ts';

describe('the Ansible code', () => {
  for (const inventory of ['example', 'single', 'lab']) {
    for (const playbook of ['setup', 'reset', 'verify']) {
      it(`of ${playbook}.yml is right with inventory/${inventory}`, async () => {
        const ended = await run('ansible-playbook', [
          '--syntax-check',
          '--inventory',
          `inventory/${inventory}`,
          `ansible/${playbook}.yml`,
        ]);

        assert.equal(ended.code, 0, ended.output);
      });
    }
  }

  it('satisfies ansible-lint in its strictest profile, with nothing skipped', async () => {
    // Newer ones check the syntax too, which ansible.cfg does not allow without an inventory.
    const inventory = { ANSIBLE_INVENTORY: 'inventory/lab' };
    const ended = await run('ansible-lint', ['--offline', '--nocolor', '-q', 'ansible'], inventory);

    assert.equal(ended.output.trim(), '');
    assert.equal(ended.code, 0);
  });

  it('satisfies yamllint, and so do the inventories', async () => {
    const ended = await run('yamllint', ['--strict', 'ansible', 'inventory', '.ansible-lint', '.yamllint']);

    assert.equal(ended.output.trim(), '');
    assert.equal(ended.code, 0);
  });

  it('knows every task that its plays hold by the tags of its roles', async () => {
    const ended = await run('ansible-playbook', [
      '--list-tags',
      '--inventory',
      'inventory/lab',
      'ansible/setup.yml',
    ]);

    assert.match(ended.output, /TASK TAGS: \[always, vm\]/);
    assert.match(ended.output, /TASK TAGS: \[agent, always, release\]/);
  });
});
