import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findViolations, type SourceFile, type Violation } from '../support/architecture/rules.ts';
import { importsOf, scan } from '../support/architecture/scan.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDERS = ['src', 'packages', 'test', 'scripts', 'bench'];
const NOT_WRITTEN_BY_HAND = /^test\/(recordings|golden)\/|^src\/lab\/tools\/openclaw\//;

describe('the architecture', () => {
  it('holds in every file', () => {
    const files = sourceFiles();
    assert.ok(files.length > 20, `only ${files.length} files were found`);

    const violations = findViolations(files).map((found) => `${found.path}: ${found.message}`);

    assert.equal(violations.join('\n'), '');
    // It reads every file, also on a machine that has much else to do.
  }).timeout(30_000);

  describe('is broken by', () => {
    const BROKEN: readonly [what: string, rule: Violation['rule'], path: string, text: string][] = [
      ['core that imports a package', 'imports', 'src/core/a.ts', `import pino from 'pino';`],
      ['core that reads files', 'imports', 'src/core/a.ts', `import { readFile } from 'node:fs/promises';`],
      ['core that imports lib', 'imports', 'src/core/messages/a.ts', `import { newId } from '#lib/id.ts';`],
      [
        'a package that imports Olympus',
        'imports',
        'packages/a/src/a.ts',
        `import { newId } from '../../../src/lib/id.ts';`,
      ],
      [
        'provision that imports node-libvirt',
        'vendor',
        'src/provision/a.ts',
        `import { connect } from '#node-libvirt';`,
      ],
      ['a package that imports another', 'imports', 'packages/a/test/a.test.ts', `import { z } from 'zod';`],
      ['lib that imports core', 'imports', 'src/lib/a.ts', `import type { Task } from '#core/task.ts';`],
      [
        'an integration that imports provision',
        'imports',
        'src/integrations/ssh/a.ts',
        `export * from '#provision/a.ts';`,
      ],
      [
        'an integration that imports another',
        'imports',
        'src/integrations/ssh/a.ts',
        `import '../nats/bus.ts';`,
      ],
      [
        'an integration that imports another by #',
        'imports',
        'src/integrations/ssh/a.ts',
        `import '#integrations/nats/bus.ts';`,
      ],
      ['provision that imports the lab', 'imports', 'src/provision/a.ts', `import { up } from '#lab/up.ts';`],
      [
        'the agent that imports control',
        'imports',
        'src/agent/parts/a.ts',
        `import { a } from '../../control/a.ts';`,
      ],
      [
        'control that imports the agent',
        'imports',
        'src/control/a.ts',
        `const a = await import('../agent/a.ts');`,
      ],
      [
        'control that imports provision',
        'imports',
        'src/control/a.ts',
        `import { plan } from '#provision/plan.ts';`,
      ],
      [
        'the command line that imports control',
        'imports',
        'src/cli/a.ts',
        `type A = import('../control/a.ts').A;`,
      ],
      [
        'the lab that imports a stand-in',
        'imports',
        'src/lab/a.ts',
        `import { start } from '../standins/model/a.ts';`,
      ],
      [
        'a stand-in that imports core',
        'imports',
        'src/standins/model/a.ts',
        `export { Task } from '#core/task.ts';`,
      ],
      [
        'source that imports test support',
        'imports',
        'src/lib/a.ts',
        `import { waitFor } from '#test/wait.ts';`,
      ],
      [
        'a relative path between folders',
        'imports',
        'src/agent/a.ts',
        `import { newId } from '../lib/id.ts';`,
      ],
      ['a # path inside a folder', 'imports', 'src/lib/a.ts', `import { newId } from '#lib/id.ts';`],
      ['a folder that nobody planned', 'imports', 'src/helpers/a.ts', `import 'zod';`],
      [
        'NATS outside its folder',
        'vendor',
        'src/control/a.ts',
        `import { jetstream } from '@nats-io/jetstream';`,
      ],
      ['NATS by its short name', 'vendor', 'src/agent/a.ts', `import type { NatsConnection } from 'nats';`],
      [
        'Mattermost outside its folder',
        'vendor',
        'src/agent/a.ts',
        `import { Client4 } from '@mattermost/client';`,
      ],
      [
        'SQLite outside its folder',
        'vendor',
        'src/agent/a.ts',
        `import { DatabaseSync } from 'node:sqlite';`,
      ],
      ['Fastify in the agent', 'vendor', 'src/agent/a.ts', `const { fastify } = await import(\`fastify\`);`],
      ['OpenClaw as a library', 'vendor', 'src/integrations/openclaw/a.ts', `import 'openclaw/plugin-sdk';`],
      ['process.env in a part', 'environment', 'src/agent/a.ts', `const home = process.env['HOME'];`],
      ['env taken out of process', 'environment', 'src/agent/a.ts', `const { env } = process;`],
      ['env imported', 'environment', 'src/agent/a.ts', `import { env } from 'node:process';`],
      ['a signal handler in a part', 'signals', 'src/agent/a.ts', `process.on('SIGTERM', stop);`],
      ['a one-time signal handler', 'signals', 'src/control/main.ts', `process.once('SIGTERM', stop);`],
      ['an interval', 'interval', 'src/agent/a.ts', `setInterval(beat, 1000);`],
      [
        'an interval inside a template',
        'interval',
        'src/agent/a.ts',
        `log(\`\${setInterval(beat, 1)} and \${1}\`);`,
      ],
      [
        'unchecked host keys',
        'host-keys',
        'src/lab/a.ts',
        `await $\`ssh -o StrictHostKeyChecking=no \${host}\`;`,
      ],
      [
        'unchecked host keys in a list',
        'host-keys',
        'src/lab/a.ts',
        `const text = 'StrictHostKeyChecking no';`,
      ],
      ['a long file', 'length', 'bench/a.ts', 'a();\n'.repeat(301)],
      ['a long script', 'length', 'scripts/quickstart', 'true\n'.repeat(301)],
      ['a file name in camel case', 'name', 'src/lib/sdNotify.ts', ''],
      ['a folder name with an underscore', 'name', 'test/unit/my_part/a.test.ts', ''],
    ];

    for (const [what, rule, at, text] of BROKEN) {
      it(what, () => {
        const rules = findViolations([{ path: at, text }]).map((found) => found.rule);

        assert.ok(rules.includes(rule), `found: ${rules.join(', ') || 'nothing'}`);
      });
    }
  });

  describe('is not broken by', () => {
    const FINE: readonly [what: string, path: string, text: string][] = [
      ['zod in core', 'src/core/a.ts', `import { z } from 'zod';\nimport { b } from './messages/b.ts';`],
      ['neighbours of one integration', 'src/integrations/ssh/deep/a.ts', `import { b } from '../b.ts';`],
      [
        'a registry of the integrations',
        'src/integrations/all.ts',
        `import { chat } from './mattermost/chat.ts';`,
      ],
      [
        'every folder the command line may use',
        'src/cli/a.ts',
        `import '#lab/a.ts'; import '#core/b.ts'; import '#lib/c.ts';`,
      ],
      ['the environment in a main file', 'src/agent/main.ts', 'start(process.env);'],
      ['signals in the lifecycle', 'src/lib/lifecycle-program.ts', `process.on('SIGTERM', stop);`],
      [
        'words in a comment',
        'src/core/a.ts',
        `// import 'pino'; setInterval\n/* process.env\nimport x from 'y' */`,
      ],
      ['words in a string', 'src/core/a.ts', `const a = "import x from 'pino'; setInterval(process.env)";`],
      ['words in a template', 'src/core/a.ts', `const a = \`setInterval \${b({ c: \`}\` })} process.env\`;`],
      [
        'quotes in a regular expression',
        'src/core/a.ts',
        `const a = /['"\`/]/.test(b); const c = 'setInterval';`,
      ],
      ['a lock file', 'src/lab/tools/openclaw/package-lock.json', '{}\n'.repeat(900)],
      ['an import of what is computed', 'src/agent/a.ts', 'const handlers = await import(file);'],
    ];

    for (const [what, at, text] of FINE) {
      it(what, () => {
        assert.deepEqual(findViolations([{ path: at, text }]), []);
      });
    }
  });

  it('sees every form of import', () => {
    const text = `
      import 'a1'; import a from "a2"; import * as b from 'a3'; import c, { type d, e as f } from 'a4';
      import type { g } from 'a5'; export * from 'a6'; export { h } from 'a7'; export type { i } from 'a8';
      const j = await import('a9'); type K = import('a10').K; const l = require('a11');
      import {
        m, // not from 'b1'
        n as 'from',
      } from /* not 'b2' */ 'a12'; import o from 'a13' with { type: 'json' };
      const from = 'b3'; const p = a / b; export const q = 'b4'; /* from 'b5' */ export default function () {}`;

    const found = importsOf(scan(text)).toSorted((x, y) => Number(x.slice(1)) - Number(y.slice(1)));

    assert.deepEqual(
      found,
      Array.from({ length: 13 }, (_, index) => `a${index + 1}`),
    );
  });
});

function sourceFiles(): SourceFile[] {
  return FOLDERS.filter((folder) => existsSync(path.join(ROOT, folder)))
    .flatMap((folder) => readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))
    .filter((file) => !NOT_WRITTEN_BY_HAND.test(file))
    .map((file) => ({ path: file, text: readFileSync(path.join(ROOT, file), 'utf8') }));
}
