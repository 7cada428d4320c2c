import { createContext, use, useEffect, useState, useSyncExternalStore } from 'react';
import type { Api, ProblemDocument } from '../io/api.ts';
import type { State } from './model.ts';
import type { Store } from './store.ts';

/** What every component may reach: the state, the calls, and what the page itself can do. */
export interface Console {
  readonly store: Store;
  readonly api: Api;
  /** Opens the kill dialog with this scope chosen; the point of the page where none is given. */
  openKill(scope?: string): void;
  openRevive(scope: string): void;
  openThaw(point: string): void;
  openHelp(): void;
  /** Says what failed, until somebody dismisses it: for calls that nobody waits for on the page any more. */
  tell(failure: Failure): void;
  /** A token was given: try again with it. */
  giveToken(token: string): void;
  theme: Theme;
  toggleTheme(): void;
}

/** A call that failed. */
export interface Failure {
  /** As a sentence begins: "Kill of the point backend". */
  readonly what: string;
  readonly problem: ProblemDocument;
}

export type Theme = 'light' | 'dark';

export const ConsoleContext = createContext<Console | null>(null);

/** @throws outside the page's context */
export function useConsole(): Console {
  const value = use(ConsoleContext);
  if (value === null) throw new Error('useConsole outside of ConsoleContext');
  return value;
}

/** A part of the state; the component renders again when that part changes. `select` must return what it is given. */
export function useSlice<T>(select: (state: State) => T): T {
  const { store } = useConsole();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

/** The page's monotonic clock, ms, ticking; for ages and for what runs out. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
