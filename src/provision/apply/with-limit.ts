/** Runs work with at most `count` at a time for each key; the rest waits for its turn. */
export function withLimit(count: number): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const queues = new Map<string, { running: number; readonly waiting: (() => void)[] }>();
  return async (key, work) => {
    const queue = queues.get(key) ?? { running: 0, waiting: [] };
    queues.set(key, queue);
    if (queue.running >= count) await new Promise<void>((resolve) => queue.waiting.push(resolve));
    else queue.running += 1;
    try {
      return await work();
    } finally {
      const next = queue.waiting.shift();
      // Whoever is next takes over the place, so that nobody can slip in between.
      if (next) next();
      else queue.running -= 1;
    }
  };
}
