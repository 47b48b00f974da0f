import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { signatureOf, verifySignature } from '#integrations/github/signature.ts';

const SECRET = "It's a Secret to Everybody";
/** The vector that GitHub publishes with its documentation. */
const BODY = Buffer.from('Hello, World!');
const SIGNATURE = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';

describe('the signature of a webhook', () => {
  const verdict = (headers: Record<string, string>, secrets = [SECRET], body = BODY): string => {
    const found = verifySignature(body, headers, secrets);
    return found.kind === 'signed' ? 'signed' : found.sentence;
  };
  const signed = (signature: string) => ({ 'x-hub-signature-256': signature });

  it('is made as GitHub makes it', () => {
    assert.equal(signatureOf(BODY, SECRET), SIGNATURE);
  });

  it('is believed by the secret, or by either of two', () => {
    assert.equal(verdict(signed(SIGNATURE)), 'signed');
    assert.equal(verdict(signed(SIGNATURE), ['new', SECRET]), 'signed');
    assert.equal(verdict(signed(SIGNATURE), [SECRET, 'old']), 'signed');
  });

  it('is of these bytes and no others', () => {
    const json = Buffer.from('{"a": 1,  "b":"é"}');
    const again = Buffer.from(JSON.stringify(JSON.parse(json.toString())));
    const signature = signed(signatureOf(json, SECRET));

    assert.equal(verdict(signature, [SECRET], json), 'signed');
    assert.match(verdict(signature, [SECRET], again), /not of one of our secrets/);
    assert.match(
      verdict(signed(SIGNATURE), [SECRET], Buffer.from('Hello, World?')),
      /not of one of our secrets/,
    );
    assert.match(verdict(signed(SIGNATURE), [SECRET], Buffer.alloc(0)), /not of one of our secrets/);
  });

  it('is not believed by another secret, cut, in capitals or doubled', () => {
    assert.match(verdict(signed(SIGNATURE), ['wrong']), /compare that of the webhook/);
    assert.match(verdict(signed(SIGNATURE), []), /compare that of the webhook/);
    for (const bad of [
      SIGNATURE.slice(0, -1),
      SIGNATURE.toUpperCase(),
      `${SIGNATURE}, ${SIGNATURE}`,
      'sha256=',
      '',
    ])
      assert.match(verdict(signed(bad)), /is not sha256=<64 digits>|not of one/);
  });

  it('is not SHA-1, and not missing', () => {
    const sha1 = `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}`;
    assert.match(verdict({ 'x-hub-signature': sha1 }), /SHA-1/);
    assert.match(verdict(signed(sha1)), /is not sha256=<64 digits>/);
    assert.match(verdict({}), /is missing/);
  });
});
