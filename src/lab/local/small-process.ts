/**
 * What keeps a Node process of ours small: a young generation of 1 MB instead of 16, one helper thread.
 * docs/reference/benchmarks.md has the figures.
 */
export const SMALL_PROCESS_FLAGS: readonly string[] = [
  '--max-semi-space-size=1',
  '--max-old-space-size=128',
  '--v8-pool-size=1',
];

/** An agent's daemon waits for others nearly all of the time: it does without the optimising compilers (8 MB). */
export const IDLE_PROCESS_FLAGS: readonly string[] = [...SMALL_PROCESS_FLAGS, '--no-opt', '--no-maglev'];

/**
 * The same as environment: one malloc arena, freed memory given back, and a compile cache. That holds the code
 * without its types, so that the type stripper (18 MB) is loaded once for each release instead of at every start.
 */
export function smallProcessEnv(compileCache: string): Record<string, string> {
  return {
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '65536',
    NODE_COMPILE_CACHE: compileCache,
  };
}
