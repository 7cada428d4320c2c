import { useEffect } from 'react';
import { useConsole, useSlice } from '../state/use.ts';

/** Asks, at each connection, for what the node kept of a point that is looked at: its charts need not begin empty. */
export function usePast(point: string): void {
  const { api, store } = useConsole();
  const live = useSlice((state) => state.connection.state === 'live');
  const known = useSlice((state) => state.points.some(({ spec }) => spec.point === point));
  useEffect(() => {
    if (!live || !known) return;
    api.history(point).then(
      (answer) => store.deliver([{ kind: 'history', answer }], true),
      // Gone, or of a node that keeps none: the charts begin with this page then.
      () => {},
    );
  }, [api, store, point, live, known]);
}
