/** Responses of a fetch: dropped, sanitized, or shown as those of the whole call. */
import { keptHeaders } from './sanitize.js';

/** What is read of a response that is not handed out, so that its connection can be used again. */
const DRAIN_OCTETS = 65_536;
const DRAIN_MS = 1000;

/** Drops a response: reads it to its end if that is near, else ends its connection. Never rejects. */
export async function discard({ body }: Response): Promise<void> {
  if (body === null || body === undefined) return;
  try {
    if (typeof body.getReader === 'function') await drain(body);
    else (body as { destroy?: () => void }).destroy?.();
  } catch {
    // It is dropped: nobody asks what was wrong with it.
  }
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), DRAIN_MS);
  });
  try {
    for (let left = DRAIN_OCTETS; left >= 0; ) {
      const part = await Promise.race([reader.read(), late]);
      if (part === 'late') break;
      if (part.done) return;
      left -= part.value.length;
    }
    await reader.cancel();
  } finally {
    clearTimeout(timer);
  }
}

/** The same without what a server that did not prove itself may not say. */
export function sanitizedResponse(response: Response): Response {
  const { status, statusText, headers } = response;
  const kept = keptHeaders(status).flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const Class = response.constructor as typeof Response;
  return new Class(null, { status, statusText, headers: [...kept, ['content-length', '0']] });
}

/** The response with `url` and `redirected` as of the whole call; its clones are alike. */
export function responseAs(response: Response, url: string, redirected: boolean): Response {
  const shown = url.replace(/#.*$/s, '');
  if (response.redirected === redirected && response.url === shown) return response;
  const clone = response.clone.bind(response);
  return Object.defineProperties(response, {
    url: { value: response.url || shown },
    redirected: { value: redirected },
    clone: { value: () => responseAs(clone(), url, redirected) },
  });
}
