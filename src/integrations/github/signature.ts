import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whether GitHub signed these bytes, and what to do where it did not. */
export type Verdict = { readonly kind: 'signed' } | { readonly kind: 'unsigned'; readonly sentence: string };

const SHA256 = /^sha256=[0-9a-f]{64}$/;

/**
 * Holds the bytes of a webhook, exactly as they came, to `X-Hub-Signature-256`, in constant time. Any of the secrets
 * will do, so that one can be replaced while GitHub still signs with the other. SHA-1 (`X-Hub-Signature`) proves nothing.
 */
export function verifySignature(
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  secrets: readonly string[],
): Verdict {
  const given = headers['x-hub-signature-256'];
  if (typeof given !== 'string') {
    const sentence = headers['x-hub-signature']
      ? 'only X-Hub-Signature (SHA-1) is there, which is not believed: X-Hub-Signature-256 is needed'
      : 'X-Hub-Signature-256 is missing: give the webhook its secret, on its page at GitHub';
    return { kind: 'unsigned', sentence };
  }
  const wrong =
    'the signature is not of one of our secrets: compare that of the webhook with vault_github_webhook_secret';
  if (!SHA256.test(given))
    return { kind: 'unsigned', sentence: 'X-Hub-Signature-256 is not sha256=<64 digits>' };
  const bytes = Buffer.from(given);
  // All of them, so that how long it takes says nothing of which it was.
  const matches = secrets.map((secret) => timingSafeEqual(bytes, Buffer.from(signatureOf(body, secret))));
  return matches.includes(true) ? { kind: 'signed' } : { kind: 'unsigned', sentence: wrong };
}

/** `X-Hub-Signature-256` of these bytes. */
export function signatureOf(body: Uint8Array, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
