import { rateNumbers } from '../rate-limits.ts';
import { publicRoute, type Route } from '../routes.ts';

/** What is left of the hour's requests. Asking costs nothing. */
export const rateLimitRoutes: readonly Route[] = [
  publicRoute('GET', '/rate_limit', ({ budget }) => {
    const rate = rateNumbers(budget);
    return { body: { resources: { core: rate, search: rate }, rate } };
  }),
];
