import { systemClock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import { Loop } from '#lib/loop.ts';
import { HypervisorError, type LockOptions, type Shell } from './hypervisor.ts';

/**
 * Locks a folder by the kernel (flock) as long as it hears from us: the lock is free once we are gone, killed or cut off.
 * What holds it names its holder in the list of processes, where whoever waits finds it.
 */
const SCRIPT = `[ -d "$1" ] || { echo free; exec cat >/dev/null; }
exec 9<"$1"
flock -n 9; code=$?
if [ "$code" -eq 1 ]; then
  echo "held $(ps -ww -eo args= | sed -n "s|.* olympus[-]lock $1 ||p" | head -n 1)"
  # Whoever has gone waits no longer: without a line there is either none yet, or the end.
  until flock -w 2 9; code=$?; [ "$code" -ne 1 ]; do
    line=$(timeout 0.2 head -n 1 9<&-); read_code=$?
    [ "$read_code" -eq 124 ] || [ -n "$line" ] || exit 1
  done
fi
[ "$code" -eq 0 ] || exit "$code"
exec sh -c 'echo locked; while [ -n "$(timeout 300 head -n 1 9<&-)" ]; do :; done' "olympus""-lock" "$1" "$2"`;
const BEAT_MS = 15_000;
const CLOSE_MS = 5000;

/** Waits until `folder` on the hypervisor is ours alone. One that is not there has nothing to be kept from others. */
export async function lockFolder(
  host: string,
  shell: Pick<Shell, 'start'>,
  folder: string,
  { holder, onWait, onLost, timeoutMs, signal }: LockOptions & { readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  const session = shell.start('sh', ['-c', SCRIPT, 'lock', folder, holder]);
  const ended = new AbortController();
  const got = Promise.withResolvers<void>();
  let said = '';
  let complaint = '';
  let heldBy: string | undefined;
  let isOurs = false;
  let isReleased = false;
  session.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    const now = /^held (.*)\n/m.exec(said)?.[1];
    if (now !== undefined && heldBy === undefined) {
      heldBy = now || 'somebody';
      onWait(heldBy);
    }
    isOurs = /^(locked|free)\n/m.test(said);
    if (isOurs) got.resolve();
  });
  session.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk));
  session.stdin.on('error', () => undefined); // how it ended says why
  session.on('error', ({ message }) => (complaint += message));
  session.on('exit', () => {
    ended.abort();
    if (!isOurs || isReleased) return;
    void beat.stop();
    onLost();
  });
  session.on('close', () => {
    ended.abort();
    const reason = complaint.trim().split('\n').at(-1) || 'it ended without a word';
    got.reject(
      new HypervisorError(
        host,
        `${host}: keeping others from ${folder} failed: ${reason}.`,
        'See that flock (util-linux) and ps (procps) are there, and that the account may read that folder.',
      ),
    );
  });
  const beat = new Loop({
    clock: systemClock,
    round: async () => {
      session.stdin.write('here\n');
      return BEAT_MS;
    },
    onError: () => undefined,
  });
  beat.start();
  const release = async (): Promise<void> => {
    isReleased = true;
    await beat.stop();
    session.stdin.end();
    await systemClock.sleep(CLOSE_MS, ended.signal);
    if (ended.signal.aborted) return;
    // Nothing more is waited for, and nothing holds this process.
    session.kill();
    for (const stream of [session.stdin, session.stdout, session.stderr]) stream.destroy();
    session.unref();
  };
  try {
    await withDeadline('waiting', timeoutMs, signal, () => got.promise);
  } catch (error) {
    await release();
    signal.throwIfAborted();
    if (error instanceof HypervisorError) throw error;
    throw new HypervisorError(
      host,
      `${host} has been worked on by ${heldBy ?? 'somebody'} for ${Math.round(timeoutMs / 60_000)} minutes.`,
      'Wait for that to end, or end it; then run the same again.',
      { cause: error },
    );
  }
  return { [Symbol.asyncDispose]: release };
}
