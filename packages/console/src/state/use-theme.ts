import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Theme } from './use.ts';

const KEY = 'ganglion.theme';
const DARK = '(prefers-color-scheme: dark)';

function subscribe(listener: () => void): () => void {
  const query = window.matchMedia(DARK);
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null;
  }
}

/** The system's choice, unless a person made another here; choosing the system's again follows the system. */
export function useTheme(): readonly [Theme, () => void] {
  const system: Theme = useSyncExternalStore(subscribe, () => window.matchMedia(DARK).matches)
    ? 'dark'
    : 'light';
  const [chosen, setChosen] = useState<Theme | null>(stored);
  const theme = chosen ?? system;

  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);

  const toggle = (): void => {
    const other: Theme = theme === 'dark' ? 'light' : 'dark';
    const next = other === system ? null : other;
    setChosen(next);
    try {
      if (next === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  };
  return [theme, toggle];
}
