import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import type { GithubSettings } from '#core/github-settings.ts';
import { signatureOf } from '#integrations/github/signature.ts';
import { newNonce } from '#lib/id.ts';

export const WEBHOOK_SECRET = 'a secret of sixteen characters';

/** The settings of a control plane that works on GitHub, with its secrets in files below `dir`. */
export async function githubSettings(
  dir: string,
  given: { readonly settings: GithubSettings; readonly readerKey: string; readonly before?: string },
): Promise<Readonly<Record<string, string>>> {
  const secrets = path.join(dir, 'github');
  await mkdir(secrets);
  const write = (name: string, text: string) => writeFile(path.join(secrets, name), text, { mode: 0o600 });
  await write('webhook-secret', WEBHOOK_SECRET);
  if (given.before !== undefined) await write('webhook-secret-before', given.before);
  for (const name of Object.keys(given.settings.agents)) await write(`key-${name}`, given.readerKey);
  return { OLYMPUS_GITHUB: JSON.stringify(given.settings), OLYMPUS_GITHUB_SECRETS_DIR: secrets };
}

/** Headers as GitHub sends them with these bytes. */
export function webhookHeaders(
  event: string,
  body: string,
  { id = newNonce(), secret = WEBHOOK_SECRET }: { readonly id?: string; readonly secret?: string } = {},
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature-256': signatureOf(Buffer.from(body), secret),
  };
}

/** Sends a webhook, and answers with the status and the body of what comes back. Without `ends` the body never ends. */
export async function sendWebhook(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
  { ends = true }: { readonly ends?: boolean } = {},
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const sending = request(
    `${url}/github/webhook`,
    { method: 'POST', headers, timeout: 30_000 },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on('error', reject);
    },
  );
  // Once it is refused the rest of a long body is not read any more.
  sending.on('error', reject);
  sending.write(body);
  if (ends) sending.end();
  return promise.finally(() => sending.destroy());
}
