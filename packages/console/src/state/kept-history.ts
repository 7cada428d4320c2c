import { INITIAL, type Sample, type State } from './model.ts';

const KEY = 'ganglion.history';
/** Samples kept of each series over a reload, and series kept: well below what a tab may store. */
const SAMPLES = 300;
const SERIES = 8;
/** Older than this it says nothing any more. */
const FRESH_MS = 15 * 60_000;

/**
 * The charts' history outlives a reload of this tab: the API has none, and a person who reloads in the middle of an
 * incident should not lose the minutes before it.
 *
 * @param wallMs - now.
 */
export function readHistory(wallMs: number): State {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Record<string, readonly Sample[]>;
    const fresh = Object.entries(kept).filter(
      ([, samples]) => wallMs - (samples.at(-1)?.wallMs ?? 0) < FRESH_MS,
    );
    return { ...INITIAL, history: Object.fromEntries(fresh) };
  } catch {
    // Nothing kept, storage forbidden, or kept by another version.
    return INITIAL;
  }
}

/** Keeps the newest samples of the points' merged series. */
export function keepHistory(state: State): void {
  const series = Object.entries(state.history).filter(([key]) => !key.includes('@'));
  const kept = series.slice(0, SERIES).map(([key, samples]) => [key, samples.slice(-SAMPLES)]);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // Full or forbidden: the charts then start anew.
  }
}
