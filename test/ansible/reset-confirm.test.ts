import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { Random } from '#test/chaos/random.ts';
import { wrongName } from '#test/provision/wrong-names.ts';
import { tempDir } from '#test/temp-dir.ts';
import { ANSIBLE, run } from './ansible.ts';

const COUNT = 1000;
const FLEET = 'Fleet-7';
const TASKS = path.join(ANSIBLE, 'roles/inventory_check/tasks/reset.yml');

interface Result {
  readonly msg: string;
}

interface Refusal {
  readonly 'ansible.builtin.assert': { readonly that: string };
}

describe('the name that a reset asks for', () => {
  it(`lets ${COUNT} wrong ones touch nothing, and the right one go on`, async function () {
    this.timeout(180_000);
    await using dir = await tempDir('reset-confirm');
    const random = new Random(11);
    const wrong: string[] = [];
    while (wrong.length < COUNT) {
      const answer = random.pick([wrongName(random), nearly(random)]);
      if (answer.trim() !== FLEET) wrong.push(answer);
    }
    const answers = [...wrong, FLEET, ` ${FLEET}\n`];
    assert.ok(new Set(wrong).size > COUNT / 4, `${new Set(wrong).size} different ones`);

    const [refusal] = parse(await readFile(TASKS, 'utf8')) as Refusal[];
    const condition = refusal?.['ansible.builtin.assert'].that;
    // What the role asserts, asked of each answer in one task.
    const task = {
      'ansible.builtin.debug': { msg: `{{ (${condition}) | ternary('goes on', 'is refused') }}` },
      loop: answers,
      loop_control: { loop_var: 'reset_confirm' },
    };
    const playbook = path.join(dir.path, 'play.yml');
    const play = { hosts: 'localhost', gather_facts: false, vars: { fleet: FLEET }, tasks: [task] };
    await writeFile(playbook, JSON.stringify([play]));

    const { output } = await run('ansible-playbook', ['--inventory', 'localhost,', playbook], {
      ANSIBLE_STDOUT_CALLBACK: 'json',
    });

    const { plays } = JSON.parse(output.slice(output.indexOf('{\n'), output.lastIndexOf('}') + 1)) as {
      plays: { tasks: { hosts: { localhost: { results: Result[] } } }[] }[];
    };
    const results = plays[0]?.tasks[0]?.hosts.localhost.results.map(({ msg }) => msg) ?? [];
    assert.deepEqual(results.slice(COUNT), ['goes on', 'goes on']);
    assert.deepEqual(new Set(results.slice(0, COUNT)), new Set(['is refused']));
    assert.equal(results.length, COUNT + 2);
  });
});

/** The right name with one character less, more or otherwise. */
function nearly(random: Random): string {
  const at = random.whole(0, FLEET.length);
  const kept = FLEET.slice(at + random.whole(0, 1));
  return `${FLEET.slice(0, at)}${random.pick([...'fFT7-_*. ,‑$%', ''])}${kept}`;
}
