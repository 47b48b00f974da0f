import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../command.ts';
import { withScratchFolder } from '../files.ts';

/** A private key and its certificate, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** What a server certificate holds for. */
export interface ServerNames {
  readonly address: string;
  readonly names: readonly string[];
}

export interface TlsOptions {
  /** Private keys are written into a private folder here while openssl runs, and removed. */
  readonly scratchDir: string;
  readonly signal: AbortSignal;
}

const DAYS = '3650';

/** A new certificate authority. */
export async function newAuthority(commonName: string, options: TlsOptions): Promise<KeyAndCertificate> {
  const key = newKey();
  const certificate = await withScratchFolder(options.scratchDir, (folder) => {
    const config = write(folder, 'openssl.cnf', authorityConfig(commonName));
    const keyFile = write(folder, 'ca.key', key);
    return openssl(
      ['req', '-x509', '-new', '-sha256', '-days', DAYS, '-config', config, '-key', keyFile],
      options,
    );
  });
  return { key, certificate };
}

/** A new server key with a certificate of the authority. */
export async function newServerCertificate(
  server: ServerNames,
  authority: KeyAndCertificate,
  options: TlsOptions,
): Promise<KeyAndCertificate> {
  const key = newKey();
  const certificate = await withScratchFolder(options.scratchDir, async (folder) => {
    const config = write(folder, 'openssl.cnf', serverConfig(server));
    const keyFile = write(folder, 'server.key', key);
    const caKey = write(folder, 'ca.key', authority.key);
    const caCertificate = write(folder, 'ca.pem', authority.certificate);
    const request = await openssl(['req', '-new', '-sha256', '-config', config, '-key', keyFile], options);
    const requestFile = write(folder, 'server.csr', request);
    const issuer = ['-CA', caCertificate, '-CAkey', caKey, '-CAcreateserial'];
    const extensions = ['-extfile', config, '-extensions', 'extensions'];
    return openssl(
      ['x509', '-req', '-sha256', '-days', DAYS, '-in', requestFile, ...issuer, ...extensions],
      options,
    );
  });
  return { key, certificate };
}

/** Why a server certificate no longer serves; undefined while it does. */
export function certificateProblem(
  certificate: string,
  { address }: ServerNames,
  nowMs: number,
): string | undefined {
  const parsed = new X509Certificate(certificate);
  if (parsed.checkIP(address) === undefined) return `it does not hold for ${address}`;
  if (Date.parse(parsed.validTo) < nowMs) return `it ended on ${parsed.validTo}`;
  return undefined;
}

function authorityConfig(commonName: string): string {
  return `[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = ${commonName}
[extensions]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`;
}

function serverConfig({ address, names }: ServerNames): string {
  const alternatives = [`IP:${address}`, ...names.map((name) => `DNS:${name}`)].join(', ');
  return `[req]
prompt = no
distinguished_name = name
[name]
CN = ${names[0] ?? address}
[extensions]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${alternatives}
`;
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function write(folder: string, name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

async function openssl(args: readonly string[], { signal }: TlsOptions): Promise<string> {
  const { code, stdout, stderr } = await runCommand('openssl', args, { signal, timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr.trim() || `exit code ${code}`}.`);
  return stdout;
}
