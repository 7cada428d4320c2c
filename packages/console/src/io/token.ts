const KEY = 'ganglion.token';

/** The bearer token of this browser tab; gone when the tab is closed. */
export interface TokenJar {
  read(): string | null;
  keep(token: string): void;
}

/** Keeps the token in `sessionStorage`, or in memory alone where the browser forbids that. */
export function tokenJar(): TokenJar {
  let token: string | null = null;
  try {
    token = sessionStorage.getItem(KEY);
  } catch {
    // Storage is blocked; the tab's memory will do.
  }
  return {
    read: () => token,
    keep: (next) => {
      token = next;
      try {
        sessionStorage.setItem(KEY, next);
      } catch {
        // As above.
      }
    },
  };
}
