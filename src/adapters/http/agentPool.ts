/** Agents of node:http that are kept for later requests: only so many, and none that no request has asked for in a while. */
import type { Agent } from 'node:http';

/** The most that are kept: each holds a connection or more. */
export const MOST_AGENTS = 256;
/** How long one is kept without a request, ms; it may be up to twice as long. */
export const IDLE_MS = 300_000;

interface Kept {
  readonly agent: Agent;
  /** ms, of performance.now() */
  readonly askedAt: number;
}

/** Agents by name. */
export class AgentPool {
  /** The one that was asked for last is the last. */
  readonly #kept: Map<string, Kept> = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** The agent of that name, which `make` makes where there is none. */
  agent(name: string, make: () => Agent): Agent {
    const agent = this.#kept.get(name)?.agent ?? make();
    this.#kept.delete(name);
    this.#kept.set(name, { agent, askedAt: performance.now() });
    this.#retireSome();
    return agent;
  }

  /** Retires what is too many or too old, and looks again later while there are any. The program may end meanwhile. */
  #retireSome(): void {
    const latest = performance.now() - IDLE_MS;
    for (const [name, { agent, askedAt }] of this.#kept) {
      if (this.#kept.size <= MOST_AGENTS && askedAt > latest) break;
      this.#kept.delete(name);
      retire(agent);
    }
    if (this.#kept.size === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#retireSome();
    }, IDLE_MS).unref();
  }
}

/** Closes the idle connections, and the others once their response has been read. Not `destroy()`, which would cut it off. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}
