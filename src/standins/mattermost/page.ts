import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

/** Only what comes from here, and nothing that stands in the page itself: a post can never become a script. */
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const FILES = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page/style.css': { file: 'style.css', type: 'text/css; charset=utf-8' },
  '/page/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/page/client.js': { file: 'client.js', type: 'text/javascript; charset=utf-8' },
  '/page/render.js': { file: 'render.js', type: 'text/javascript; charset=utf-8' },
} as const;

/** A page for people to read and write in, where the real server has its web application: an ordinary client of the API. */
export function registerPage(app: FastifyInstance): void {
  for (const [url, { file, type }] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`page/${file}`, import.meta.url));
    app.get(url, (_request, reply) =>
      reply
        .header('content-type', type)
        .header('content-security-policy', POLICY)
        .header('referrer-policy', 'no-referrer')
        .header('cache-control', 'no-store')
        .send(content),
    );
  }
  // Browsers ask for one.
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send());
}
