import { useSyncExternalStore } from 'react';
import { parseRoute, type Route } from '../route.ts';

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

/** The route of the moment. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return parseRoute(hash);
}

/** Where the address says that the page is, drawn or not. */
export function routeNow(): Route {
  return parseRoute(window.location.hash);
}

/** Goes to a hash; `replace` leaves no trace in the history (filters, the open decision). */
export function go(hash: string, replace = false): void {
  if (!replace) {
    window.location.hash = hash;
    return;
  }
  history.replaceState(null, '', hash);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}
