import { type Route, routeHash } from '../route.ts';
import { count, plural, rate } from '../select/format.ts';
import { modeCounts, pointsByAttention } from '../select/points.ts';
import type { StreamFilter } from '../select/stream.ts';
import { healthCounts } from '../select/tree.ts';
import { useNow, useSlice } from '../state/use.ts';
import { Mark } from '../ui/marks.tsx';
import { Nothing, Panel } from '../ui/panel.tsx';
import { RecentAudit } from './audit.tsx';
import { NodesTable } from './nodes-table.tsx';
import { PointCard } from './point-card.tsx';
import { NoPoints } from './points-page.tsx';
import { Stream } from './stream.tsx';

/** Points drawn as cards; the rest is a link away. */
const CARDS = 4;

/** The whole tree at a glance. */
export function Overview({ route, filter }: { route: Route; filter: StreamFilter }) {
  const points = useSlice((state) => state.points);
  const reports = useSlice((state) => state.reports);
  const specs = pointsByAttention({ points, reports });
  return (
    <>
      <Summary />
      {specs.length === 0 && (
        <Panel title="Points">
          <Nothing>
            <NoPoints />
          </Nothing>
        </Panel>
      )}
      <div className="cards">
        {specs.slice(0, CARDS).map((spec) => (
          <PointCard key={spec.point} spec={spec} height={specs.length === 1 ? 190 : 150} />
        ))}
      </div>
      {specs.length > CARDS && (
        <p className="more">
          <a href={routeHash('points')}>All {specs.length} points</a>
        </p>
      )}
      <div className="columns">
        <div className="stack">
          <Panel title="Nodes" flush aside={<a href={routeHash('nodes')}>Details</a>}>
            <NodesTable />
          </Panel>
          <RecentAudit rows={5} />
        </div>
        <Stream route={route} filter={filter} rows={14} />
      </div>
    </>
  );
}

/** One line: how everything stands. */
function Summary() {
  const points = useSlice((state) => state.points);
  const nodes = useSlice((state) => state.nodes);
  const reports = useSlice((state) => state.reports);
  const connection = useSlice((state) => state.connection);
  const now = useNow();
  const health = healthCounts(nodes, connection, now);
  const lost = connection.state === 'lost';
  const modes = modeCounts(reports);
  const unheard = points.length - Object.keys(reports).length;
  const decisions = Object.values(reports).reduce((sum, one) => sum + one.merged.value.decisionsPerSecond, 0);
  if (nodes.length === 0) return null;
  return (
    <div className="summary">
      <h1>Overview</h1>
      {lost && (
        <Mark tone="unknown" icon="unknown">
          {plural(Object.keys(reports).length, 'point')} unknown
        </Mark>
      )}
      {!lost && unheard > 0 && (
        <Mark tone="unknown" icon="unknown">
          {plural(unheard, 'point')} not heard of
        </Mark>
      )}
      {!lost && modes.learning > 0 && (
        <Mark tone="ok" icon="learning">
          {plural(modes.learning, 'point')} learning
        </Mark>
      )}
      {!lost && modes.killed > 0 && (
        <Mark tone="stop" icon="stop">
          {count(modes.killed)} killed
        </Mark>
      )}
      {!lost && modes.frozen > 0 && (
        <Mark tone="warn" icon="frozen">
          {count(modes.frozen)} frozen
        </Mark>
      )}
      {!lost && modes.lease_expired > 0 && (
        <Mark tone="warn" icon="lease">
          {count(modes.lease_expired)} without a lease
        </Mark>
      )}
      {!lost && modes.overridden > 0 && (
        <Mark tone="info" icon="pin">
          {count(modes.overridden)} overridden
        </Mark>
      )}
      {health.healthy > 0 && (
        <Mark tone="ok" icon="check">
          {plural(health.healthy, 'node')} healthy
        </Mark>
      )}
      {health.degraded > 0 && (
        <Mark tone="warn" icon="warn">
          {count(health.degraded)} degraded
        </Mark>
      )}
      {health.unknown > 0 && (
        <Mark tone="unknown" icon="unknown">
          {count(health.unknown)} unknown
        </Mark>
      )}
      <span className="summary-rate num">{rate(decisions)}</span>
    </div>
  );
}
