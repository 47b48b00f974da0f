import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf } from '#core/errors.ts';
import { createOpenclawHarness } from '#integrations/openclaw/harness.ts';
import { systemClock } from '#lib/clock.ts';
import { createLogger, type Logger } from '#lib/log.ts';
import { type OnProgress, ToolError } from '#lib/tool-error.ts';
import { answersOk } from '../local/answers.ts';
import { type Gateway, prepareGateway } from '../local/gateway.ts';
import { choosePort } from '../local/ports.ts';
import { ProcessPart } from '../local/process-part.ts';
import { run, SYSTEM_ENV } from '../run.ts';
import { COMPILE_CACHE, DEFAULT_COMPILE_CACHE, OPENCLAW_UID } from './recipe.ts';

const STANDIN_MAIN = path.resolve(import.meta.dirname, '../../standins/model/main.ts');
const NODE = '/opt/olympus/node/bin/node';
const ENTRY = '/opt/olympus/openclaw/node_modules/openclaw/openclaw.mjs';
const TURN_MS = 120_000;
/** Beside it lie `passwd` and a link `rootfs`; both paths are the person's, so no shell reads them. */
const INSIDE = `#!/bin/sh
exec unshare --mount --propagation private sh -ec '
  here=$1 root=$1/rootfs
  shift
  mount --bind "$here" "$root$here"
  mount --bind "$here/passwd" "$root/etc/passwd"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  exec /usr/sbin/chroot "$root" setpriv --reuid ${OPENCLAW_UID} --regid ${OPENCLAW_UID} --clear-groups --no-new-privs \\
    --pdeathsig KILL ${NODE} "$@"' sh "$(dirname "$0")" "$@"
`;

export interface CompileCacheOptions {
  readonly rootfs: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/**
 * Starts OpenClaw once inside the tree, as its own user, lets it take a turn, and keeps what Node compiled for that:
 * a gateway in an emulated machine is ready forty seconds earlier. Nothing else of this start stays: every machine makes
 * its own state. It is also the proof that the gateway of this image answers.
 */
export async function fillCompileCache({ rootfs, signal, onProgress }: CompileCacheOptions): Promise<void> {
  onProgress('starting OpenClaw once in the image');
  const dir = await mkdtemp(path.join(tmpdir(), 'olympus-first-start-'));
  await chmod(dir, 0o711);
  const log = createLogger({ name: 'first-start', level: 'silent' });
  const parts: ProcessPart[] = [];
  try {
    const model = await modelStandin(dir, log);
    parts.push(model.process);
    await model.process.start(signal);
    const agentDir = path.join(dir, 'agent');
    await mkdir(agentDir);
    const gateway = await prepareGateway({
      agent: 'image',
      agentDir,
      dir: path.join(dir, 'openclaw'),
      port: await choosePort(0),
      entry: ENTRY,
      node: await insideOf(rootfs, dir),
      modelUrl: model.url,
      modelKey: 'none',
      concurrency: 1,
      runTimeoutSeconds: 60,
      log,
      clock: systemClock,
    });
    await roundTime(path.join(rootfs, path.dirname(ENTRY), 'package.json'));
    // Its own folder alone: what root runs again beside it must not be the gateway's to write.
    await run('chown', ['-R', `${OPENCLAW_UID}:${OPENCLAW_UID}`, path.join(dir, 'openclaw')], { signal });
    parts.unshift(gateway.process);
    await gateway.process.start(signal).catch((error: unknown) => {
      throw signal.aborted
        ? error
        : new ToolError(`OpenClaw does not start in the image: ${messageOf(error)}`);
    });
    await takeTurn(gateway, log, signal);
    await gateway.process.stop();
    await keepCache(rootfs, signal);
  } finally {
    for (const part of parts) await part.halt();
    await rm(dir, { recursive: true, force: true });
  }
}

/** OpenClaw names the cache by the time of this file, and a disk made from a tree keeps whole seconds only. */
async function roundTime(file: string): Promise<void> {
  const seconds = Math.floor((await stat(file)).mtimeMs / 1000);
  await utimes(file, seconds, seconds);
}

async function modelStandin(dir: string, log: Logger): Promise<{ process: ProcessPart; url: string }> {
  const [port, adminPort] = [await choosePort(0), await choosePort(0)];
  const process_ = new ProcessPart({
    name: 'model stand-in',
    command: [process.execPath, STANDIN_MAIN, '--port', String(port), '--admin-port', String(adminPort)],
    env: SYSTEM_ENV,
    logFile: path.join(dir, 'model.log'),
    ready: (signal) => answersOk(`http://127.0.0.1:${adminPort}/standin/requests`, signal),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 5_000,
    log,
    clock: systemClock,
  });
  return { process: process_, url: `http://127.0.0.1:${port}` };
}

/**
 * A program that is the image's Node, run inside of it as the gateway's user, who is known there for this run only.
 * `dir` is at the same place inside; the mounts end with the process.
 */
async function insideOf(rootfs: string, dir: string): Promise<string> {
  const users = readFileSync(path.join(rootfs, 'etc/passwd'), 'utf8');
  await writeFile(
    path.join(dir, 'passwd'),
    `${users}openclaw:x:${OPENCLAW_UID}:${OPENCLAW_UID}::${dir}:/bin/bash\n`,
  );
  await mkdir(path.join(rootfs, dir), { recursive: true });
  await symlink(rootfs, path.join(dir, 'rootfs'));
  const program = path.join(dir, 'node');
  await writeFile(program, INSIDE, { mode: 0o755 });
  return program;
}

/** Through the same door as a daemon's, and only an answer will do. */
async function takeTurn(gateway: Gateway, log: Logger, signal: AbortSignal): Promise<void> {
  const token = readFileSync(gateway.tokenFile, 'utf8').trim();
  const harness = createOpenclawHarness({
    url: gateway.url,
    token,
    log,
    clock: systemClock,
    warmUpTimeoutMs: 0,
  });
  await harness.start(signal);
  try {
    const turn = {
      runId: 'first-start',
      sessionKey: 'first-start',
      text: 'hello',
      context: '',
      timeoutMs: TURN_MS,
    };
    const outcome = await harness.run(turn, () => undefined, signal);
    if (outcome.kind !== 'answered') {
      throw new ToolError(
        `OpenClaw does not answer in the image: ${outcome.message}\n${gateway.process.logTail(5)}`,
      );
    }
  } finally {
    await harness.stop(signal);
  }
}

/** Moves it to where the gateway's unit keeps it, and empties the temporary directory. */
async function keepCache(rootfs: string, signal: AbortSignal): Promise<void> {
  await run('mv', [path.join(rootfs, DEFAULT_COMPILE_CACHE), path.join(rootfs, COMPILE_CACHE)], { signal });
  const temporary = path.join(rootfs, 'tmp');
  for (const name of await readdir(temporary)) {
    await rm(path.join(temporary, name), { recursive: true, force: true });
  }
}
