import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { NodeConnectionOptions } from 'nats';
import { ConfigError } from '#lib/config.ts';

/** Where the server is and whom to trust for it. */
export interface BusAddress {
  /** `tls://` never speaks in clear; `nats://` does unless the server wants otherwise. */
  readonly url: string;
  /** The certificate, as PEM, of the CA that signed the server's; without it those that Node trusts. */
  readonly ca?: string | undefined;
}

/** What the client needs for this address; nothing for a server that speaks in clear. */
export function tlsOptions({ url, ca }: BusAddress): Pick<NodeConnectionOptions, 'tls'> {
  if (!url.startsWith('tls:')) return {};
  // Left to itself the client goes on in clear with a server without TLS, and holds the certificate of a server
  // named by its IP address against the name localhost.
  const host = new URL(url).hostname;
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate),
  };
  return { tls };
}

/** Why TLS kept the two apart and what to do about it, as a sentence; undefined when it was something else. */
export function tlsRefusal(error: unknown, { url, ca }: BusAddress): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? String(error.code) : '';
  const { hostname } = new URL(url);
  if (UNKNOWN_ISSUER.has(code)) {
    if (ca !== undefined)
      return 'its certificate is not signed by the CA in OLYMPUS_NATS_CA_FILE: give the CA of this server';
    if (url.startsWith('tls:'))
      return 'its certificate is not signed by a CA that this machine trusts: name the file of its CA in OLYMPUS_NATS_CA_FILE';
    return 'it wants TLS: write tls:// in OLYMPUS_NATS_URL and name the file of its CA in OLYMPUS_NATS_CA_FILE';
  }
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is not for ${hostname}: write an address that the certificate names, or give the server one with this address`;
    case 'CERT_HAS_EXPIRED':
      return 'its certificate or that of its CA has expired: renew it';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet: set the clock of this machine';
    default:
      return error.message.includes("does not support 'tls'")
        ? 'it does not offer TLS: give it a certificate, or write nats:// in OLYMPUS_NATS_URL to speak in clear'
        : undefined;
  }
}

const UNKNOWN_ISSUER = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

/** Reads the CA file of the settings, if one is named; a ConfigError says what is wrong with it or with the URL beside it. */
export function readBusCa(settings: {
  readonly OLYMPUS_NATS_URL: string;
  readonly OLYMPUS_NATS_CA_FILE?: string | undefined;
}): string | undefined {
  const { OLYMPUS_NATS_URL: url, OLYMPUS_NATS_CA_FILE: file } = settings;
  if (file === undefined) return undefined;
  if (!url.startsWith('tls:')) {
    throw new ConfigError(
      `OLYMPUS_NATS_CA_FILE is set, but OLYMPUS_NATS_URL=${url} speaks in clear. Write tls:// there, or leave the file out.`,
    );
  }
  try {
    const pem = readFileSync(file, 'utf8');
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const what = /^E[A-Z]+$/.test(code) ? `cannot read ${file} (${code})` : `${file} is not a certificate`;
    throw new ConfigError(
      `OLYMPUS_NATS_CA_FILE: ${what}. Put the certificate of the CA of nats-server there, as PEM.`,
    );
  }
}
