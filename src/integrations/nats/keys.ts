import { nkeys } from 'nats';

/** A new user key: `seed` is the secret that stays in a 0600 file, `publicKey` goes into the server's configuration. */
export function newUserKey(): { seed: string; publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

/** The public key of a seed; throws when the text is not an nkey seed. */
export function publicKeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
}
