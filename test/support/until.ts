/** Waiting for what happens, not for a while. */
import { performance } from 'node:perf_hooks';

/** Until the event loop has come round so often. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Until it is so; an error after a minute. */
export async function until(so: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!so()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${so}`);
    await turns(1);
  }
}
