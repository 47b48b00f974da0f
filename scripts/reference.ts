import path from 'node:path';
import { parseArgs } from 'node:util';
import { differences, writePages } from './reference/files.ts';
import { renderReference } from './reference/pages.ts';

const HELP = `Usage: npm run reference [-- --check]

Writes docs/reference/{errors,configuration,messages,states}.md, openapi.json and schemas/ there from the code.

  --check  write nothing; exit code 1 and a sentence for every file that is not as the code says
  --help   this text`;

const ROOT = path.resolve(import.meta.dirname, '..');

main();

function main(): void {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const pages = renderReference(ROOT);
  if (!values.check) {
    for (const file of writePages(ROOT, pages)) console.log(file);
    return;
  }
  const sentences = differences(ROOT, pages);
  for (const sentence of sentences) console.error(sentence);
  if (sentences.length > 0) {
    console.error('Run: npm run reference');
    process.exitCode = 1;
  }
}
