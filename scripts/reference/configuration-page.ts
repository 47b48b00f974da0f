import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { AgentConfig } from '../../src/agent/config.ts';
import { ControlConfig } from '../../src/control/config.ts';
import { Manifest } from '../../src/core/manifest.ts';
import { Workflow } from '../../src/core/workflow.ts';
import { type Field, jsonSchemaOf, leavesOf, typeInWords } from './json-schema.ts';
import { code, page, table } from './markdown.ts';
import { type Meanings, manifestMeanings, settingMeanings } from './meanings.ts';
import { commentsIn } from './source-comments.ts';

const AGENT = 'src/agent/config.ts';
const CONTROL = 'src/control/config.ts';
const MANIFEST = 'src/core/manifest.ts';
const WORKFLOW = 'src/core/workflow.ts';

const INTRODUCTION = `Settings are environment variables. An empty one counts as absent. A wrong one ends the program with exit code 78 and a line
that names it. Secrets are files that others may not read (mode 0600 or 0640), named by a variable that ends in \`_FILE\`.`;

const PLACES = `## Places, for the commands on a workstation

| variable | default | meaning |
| --- | --- | --- |
| \`OLYMPUS_STATE_DIR\` | \`$OLYMPUS_HOME/state\`, else \`~/.olympus-dev/state\` with \`OLYMPUS_ENV=dev\`, else \`~/.olympus/state\` | Where this install keeps its state. |
| \`OLYMPUS_CACHE_DIR\` | \`/var/cache/olympus\` as root, else \`~/.cache/olympus\` | Where downloads are kept, keyed by content. |
| \`OLYMPUS_NODE\` | the Node of \`node_modules\`, else of PATH, else of the cache | The Node that \`./olympus\` runs on. |

\`npm run dev\` keeps its state in \`~/.olympus-dev/state\` unless \`--state-dir\`, \`OLYMPUS_STATE_DIR\` or \`OLYMPUS_HOME\` says otherwise.

The command \`olympus\` reads more variables (\`OLYMPUS_API_URL\`, \`OLYMPUS_API_TOKEN\`, \`OLYMPUS_API_USER\`, \`OLYMPUS_MATTERMOST_URL\`, \`OLYMPUS_MATTERMOST_TOKEN\`,
\`OLYMPUS_MATTERMOST_TEAM\`) from the environment, \`.env\` in the working directory, then \`.env\` in the state directory, where a local
fleet writes them.`;

/** The settings of both programs and the manifest of an agent. */
export function renderConfiguration(root: string): string {
  const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
  return page(
    'Configuration',
    [AGENT, CONTROL, MANIFEST, WORKFLOW],
    [
      INTRODUCTION,
      '## olympusd',
      settings(AgentConfig, commentsIn(read(AGENT)), settingMeanings, AGENT),
      '## olympus-control',
      settings(ControlConfig, commentsIn(read(CONTROL)), settingMeanings, CONTROL),
      PLACES,
      `## The manifest of an agent

\`agents/<name>/agent.yml\`. A wrong value is refused with file, line and column; so is a field that is not here.`,
      settings(Manifest, commentsIn(read(MANIFEST)), manifestMeanings, MANIFEST),
      `## A workflow

\`agents/workflows/<name>.yml\`, checked at each use: \`olympus workflow list\` names mistakes with file, line and field. A step has a
domain or an agent.`,
      settings(Workflow, commentsIn(read(WORKFLOW)), new Map(), WORKFLOW),
    ],
  );
}

function settings(schema: z.ZodType, comments: Meanings, meanings: Meanings, file: string): string {
  return table(
    ['name', 'value', 'default', 'meaning'],
    leavesOf(jsonSchemaOf(schema).parsed).map((field) => [
      code(field.path),
      typeInWords(field.schema),
      defaultOf(field),
      meaningOf(field.path, comments, meanings, file),
    ]),
  );
}

function defaultOf({ schema, required }: Field): string {
  if (required) return 'required';
  return schema.default === undefined ? '–' : code(String(JSON.stringify(schema.default)));
}

/** The comment in the source wins: what stands there is what an engineer sees. */
function meaningOf(name: string, comments: Meanings, meanings: Meanings, file: string): string {
  const meaning = comments.get(name.split('.').at(-1) ?? name) ?? meanings.get(name);
  if (meaning === undefined) {
    throw new Error(`${name} in ${file} needs a comment that says what it means`);
  }
  return meaning;
}
