import assert from 'node:assert/strict';
import path from 'node:path';
import { runChaos } from '#test/chaos/chaos.ts';
import { mutatedCopy, mutationNames, mutations } from '#test/chaos/mutations.ts';
import { tempDir } from '#test/temp-dir.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

describe('chaos finds out when', () => {
  for (const name of mutationNames) {
    const { words, shows, ...mutation } = mutations[name];

    it(words, async () => {
      await using copy = await tempDir('mutation');
      await mutatedCopy(ROOT, copy.path, name);

      const { violations, replay } = await runChaos({
        ...mutation,
        inOrder: true,
        keep: false,
        // One round of its faults, which is what shows it.
        limitMs: 1,
        root: copy.path,
        mutation: name,
      });

      assert.ok(
        violations.some((violation) => shows.test(violation)),
        `${name} was not seen; instead: ${violations.join('; ') || 'everything was as promised'}\nagain: ${replay}`,
      );
    });
  }
});
