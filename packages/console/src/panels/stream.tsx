import { useEffect, useState } from 'react';
import { type Route, withQuery } from '../route.ts';
import { count } from '../select/format.ts';
import { filterDecisions, isFiltering, type StreamFilter } from '../select/stream.ts';
import type { SeenDecision } from '../state/model.ts';
import { useSlice } from '../state/use.ts';
import { go } from '../state/use-route.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Panel } from '../ui/panel.tsx';
import { StreamFilters } from './stream-filters.tsx';
import { StreamRows } from './stream-rows.tsx';

/** The stream of decisions, newest first. It holds still while somebody reads one, or asks it to. */
export function Stream(props: {
  route: Route;
  filter: StreamFilter;
  rows: number;
  /** A filter the page sets and a person cannot change here. */
  fixedPoint?: boolean;
  /** Shows the filters at once. */
  filters?: boolean;
}) {
  const { route, filter } = props;
  const live = useSlice((state) => state.decisions);
  const seen = useSlice((state) => state.decisionsSeen);
  const points = useSlice((state) => state.points.length);
  const open = route.query.id ?? '';
  const [paused, setPaused] = useState(false);
  // Somebody moves through the rows with the keyboard: they must not move away below.
  const [reading, setReading] = useState(false);
  const held = paused || reading || open !== '';
  const { shown, missed } = useHeld(held, live, seen);
  const rows = filterDecisions(shown, filter, props.rows);

  return (
    <Panel
      title="Decisions"
      flush
      className="stream-panel"
      aside={
        <>
          {held && missed > 0 && <span className="quiet num">{count(missed)} new</span>}
          <PauseButton
            held={held}
            onPress={() => {
              if (held && open !== '') go(withQuery(route, { id: '' }), true);
              setReading(false);
              setPaused(!held);
            }}
          />
        </>
      }
    >
      {props.filters === true && (
        <StreamFilters
          route={route}
          filter={filter}
          decisions={live}
          fixedPoint={props.fixedPoint === true}
        />
      )}
      {rows.length === 0 ? (
        <Empty>
          {isFiltering(props.fixedPoint === true ? { ...filter, point: '' } : filter)
            ? 'No decision fits this filter yet.'
            : 'None since this page was opened.'}
        </Empty>
      ) : (
        <StreamRows
          rows={rows}
          open={open}
          route={route}
          withPoint={props.fixedPoint !== true && points > 1}
          onReading={setReading}
        />
      )}
    </Panel>
  );
}

function PauseButton({ held, onPress }: { held: boolean; onPress: () => void }) {
  return (
    <button
      type="button"
      className="button ghost small"
      data-testid="pause-stream"
      aria-pressed={held}
      title="Pause or go on (p)"
      onClick={onPress}
    >
      <Icon name={held ? 'play' : 'pause'} size={13} /> {held ? 'Go on' : 'Pause'}
    </button>
  );
}

/** The decisions as they were when they were first held, or as they are; and how many have come since. */
function useHeld(
  held: boolean,
  live: readonly SeenDecision[],
  seen: number,
): { shown: readonly SeenDecision[]; missed: number } {
  const [frozen, setFrozen] = useState<{ decisions: readonly SeenDecision[]; seen: number } | null>(null);
  useEffect(() => {
    setFrozen((before) => (held ? (before ?? { decisions: live, seen }) : null));
  }, [held, live, seen]);
  if (frozen === null) return { shown: live, missed: 0 };
  // Outcomes still join what is held: they are looked up among the live ones.
  return { shown: refreshed(frozen.decisions, live), missed: seen - frozen.seen };
}

function refreshed(held: readonly SeenDecision[], live: readonly SeenDecision[]): readonly SeenDecision[] {
  const byId = new Map(live.map((one) => [one.decision.id, one]));
  return held.map((one) => byId.get(one.decision.id) ?? one);
}
