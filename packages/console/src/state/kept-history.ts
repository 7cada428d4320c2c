import { INITIAL, type Sample, type State, type TrackSample } from './model.ts';

const KEY = 'ganglion.history';
const TRACKS_KEY = 'ganglion.tracks';
/** Samples kept of each series over a reload, and series kept: well below what a tab may store. */
const SAMPLES = 300;
const SERIES = 8;
const TRACKS = 24;
/** Older than this it says nothing any more. */
const FRESH_MS = 15 * 60_000;

/**
 * The charts' history outlives a reload of this tab: the node keeps samples of points in its memory alone, and none of how
 * intervals went, and a person who reloads in the middle of an incident should not lose the minutes before it.
 *
 * @param wallMs - now.
 */
export function readHistory(wallMs: number): State {
  try {
    return {
      ...INITIAL,
      history: freshIn<Sample>(KEY, wallMs - FRESH_MS),
      tracks: freshIn<TrackSample>(TRACKS_KEY, wallMs - FRESH_MS),
    };
  } catch {
    // Nothing kept, storage forbidden, or kept by another version.
    return INITIAL;
  }
}

/** Keeps the newest samples of the points' merged series. */
export function keepHistory(state: State): void {
  const series = Object.entries(state.history).filter(([key]) => !key.includes('@'));
  const kept = series.slice(0, SERIES).map(([key, samples]) => [key, samples.slice(-SAMPLES)]);
  const tracks = Object.entries(state.tracks).slice(0, TRACKS);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
    sessionStorage.setItem(TRACKS_KEY, JSON.stringify(Object.fromEntries(tracks)));
  } catch {
    // Full or forbidden: the charts then start anew.
  }
}

/** Series whose newest sample is not older than that. */
function freshIn<S extends { readonly wallMs: number }>(
  key: string,
  fromMs: number,
): Readonly<Record<string, readonly S[]>> {
  const kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Record<string, readonly S[]>;
  return Object.fromEntries(
    Object.entries(kept).filter(([, samples]) => (samples.at(-1)?.wallMs ?? 0) > fromMs),
  );
}
