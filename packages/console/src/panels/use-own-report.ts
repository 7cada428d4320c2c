import { useEffect } from 'react';
import { useConsole, useNow, useSlice } from '../state/use.ts';

/** A report older than this is asked for, ms. */
const REPORT_STALE_MS = 4_000;

/**
 * Of very many points only some are asked for all the time; the one that is looked at always is.
 *
 * @returns whether the node knows a point of that name: of another nothing is asked.
 */
export function useOwnReport(point: string, heardMs: number | undefined): boolean {
  const { api, store } = useConsole();
  const now = useNow(2000);
  const known = useSlice((state) => state.points.some(({ spec }) => spec.point === point));
  const stale = heardMs === undefined || now - heardMs > REPORT_STALE_MS;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once more with every tick, for as long as it is stale
  useEffect(() => {
    if (!known || !stale) return;
    api.report(point).then(
      (answer) => store.deliver([{ kind: 'answer', answer }]),
      // Gone, or the connection is: the page says so by itself.
      () => {},
    );
  }, [api, store, point, known, stale, now]);
  return known;
}
