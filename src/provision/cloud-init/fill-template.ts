/** What may be filled in; a line whose value is undefined is left out. */
export type TemplateValues = Readonly<Record<string, unknown>>;

const PLACE = /\{\{ ([a-z_]+) \}\}/g;

/**
 * Fills `{{ name }}` with JSON, which is YAML too, so that no value can end its field.
 * A place without a value of that name is a fault in the template, and said so.
 */
export function fillTemplate(template: string, values: TemplateValues): string {
  return template
    .split('\n')
    .filter((line) =>
      [...line.matchAll(PLACE)].every(([, name = '']) => valueFor(values, name) !== undefined),
    )
    .map((line) => line.replaceAll(PLACE, (_, name: string) => JSON.stringify(valueFor(values, name))))
    .join('\n');
}

function valueFor(values: TemplateValues, name: string): unknown {
  if (!(name in values)) throw new Error(`the template wants ${name}, which nobody gives`);
  return values[name];
}
