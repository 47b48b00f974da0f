import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A CA of a test's own. */
export interface TestCa {
  /** Its certificate: path and text. */
  readonly file: string;
  readonly pem: string;
  /** A server's certificate for these names, such as `IP:127.0.0.1`. */
  issue(name: string, ...altNames: string[]): Promise<{ certFile: string; keyFile: string }>;
}

/** Makes a CA in `dir` with the `openssl` command. */
export async function makeCa(dir: string, name: string): Promise<TestCa> {
  const at = (file: string): string => path.join(dir, file);
  const ca = { key: at(`${name}.key`), cert: at(`${name}.pem`) };
  await openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    ca.key,
    '-out',
    ca.cert,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
  return {
    file: ca.cert,
    pem: await readFile(ca.cert, 'utf8'),
    async issue(server, ...altNames) {
      const [keyFile, certFile] = [at(`${server}.key`), at(`${server}.pem`)];
      const [request, extensions] = [at(`${server}.csr`), at(`${server}.ext`)];
      await writeFile(extensions, `subjectAltName=${altNames.join(',')}\n`);
      await openssl('req', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${server}`);
      const signed = ['-CA', ca.cert, '-CAkey', ca.key, '-days', '2', '-extfile', extensions];
      await openssl('x509', '-req', '-in', request, ...signed, '-out', certFile);
      return { certFile, keyFile };
    },
  };
}

async function openssl(...args: string[]): Promise<void> {
  await run('openssl', args, { timeout: 20_000 });
}
