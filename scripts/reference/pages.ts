import { z } from 'zod';
import { planOutputs } from '../../src/cli/plan-output.ts';
import { apiRoutes } from '../../src/core/api-routes.ts';
import { openApiOf } from '../../src/core/open-api.ts';
import { renderConfiguration } from './configuration-page.ts';
import { renderErrors } from './errors-page.ts';
import { type Pages, SCHEMAS } from './files.ts';
import { renderMessages } from './messages-page.ts';
import { renderStates } from './states-page.ts';

/** Everything that is generated, as the code in `root` says it now. */
export function renderReference(root: string): Pages {
  return new Map([
    ['docs/reference/errors.md', renderErrors()],
    ['docs/reference/configuration.md', renderConfiguration(root)],
    ['docs/reference/states.md', renderStates()],
    ['docs/reference/openapi.json', `${JSON.stringify(openApiOf(apiRoutes), undefined, 2)}\n`],
    ...renderMessages(root),
    ...Object.entries(planOutputs).map(
      ([name, schema]) =>
        [`${SCHEMAS}/${name}.json`, `${JSON.stringify(z.toJSONSchema(schema), undefined, 2)}\n`] as const,
    ),
  ]);
}
