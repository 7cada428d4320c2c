import { INITIAL, type Instant, type Message, type State } from './model.ts';
import { reduce } from './reduce.ts';

/** Events are folded in at most this often: often enough to look live, seldom enough to stay cheap. */
const FLUSH_EVERY_MS = 200;

/** Holds the page's state; components read it through `useSlice`. */
export interface Store {
  get(): State;
  /** Queued and folded in with the next flush, unless `urgent`. */
  deliver(messages: readonly Message[], urgent?: boolean): void;
  subscribe(listener: () => void): () => void;
}

/** @param instant - the page's clocks. */
export function createStore(instant: () => Instant, initial: State = INITIAL): Store {
  let state = initial;
  let queue: Message[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const messages = queue;
    queue = [];
    const next = reduce(state, messages, instant());
    if (next === state) return;
    state = next;
    for (const listener of listeners) listener();
  };

  return {
    get: () => state,
    deliver: (messages, urgent = false) => {
      queue.push(...messages);
      if (urgent) flush();
      else timer ??= setTimeout(flush, FLUSH_EVERY_MS);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
