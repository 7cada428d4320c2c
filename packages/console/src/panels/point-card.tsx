import { routeHash } from '../route.ts';
import { rate } from '../select/format.ts';
import { modeOf } from '../select/points.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import type { PointSpec } from '../wire.ts';
import { Allocation } from './allocation.tsx';
import { Elsewhere } from './elsewhere.tsx';
import { FrozenNote, PointPills } from './frozen.tsx';
import { Headline } from './tail.tsx';
import { usePast } from './use-past.ts';

/** A point at a glance: its mode, its headline and who gets the traffic. */
export function PointCard({ spec, height }: { spec: PointSpec; height: number }) {
  const { openKill } = useConsole();
  usePast(spec.point);
  const reports = useSlice((state) => state.reports[spec.point]);
  const samples = useSlice((state) => state.history[spec.point]);
  const href = routeHash('point', spec.point);
  const mode = reports === undefined ? undefined : modeOf(reports);
  return (
    <article className="panel point-card" aria-label={`Point ${spec.point}`}>
      <header className="point-head">
        <h2>
          <a href={href}>
            {spec.point}
            <Icon name="right" size={14} />
          </a>
        </h2>
        {reports !== undefined && <PointPills reports={reports} testId="point-mode" />}
        <span className="quiet point-facts">
          {spec.policy.kind} · {armsText(spec)}
          {reports !== undefined && <> · {rate(reports.merged.value.decisionsPerSecond)}</>}
        </span>
        <button
          type="button"
          className="button stop"
          data-testid="kill-button"
          onClick={() => openKill(`point:${spec.point}`)}
        >
          <Icon name="stop" size={13} /> Kill…
        </button>
      </header>
      {mode !== undefined && <Elsewhere mode={mode} />}
      {reports !== undefined && <FrozenNote point={spec.point} reports={reports} />}
      {reports === undefined ? (
        <p className="empty">No report of this point has come yet.</p>
      ) : (
        <div className="point-grid">
          <Headline report={reports.merged.value} />
          <Allocation report={reports.merged.value} samples={samples} height={height} tagged />
        </div>
      )}
    </article>
  );
}

const armsText = ({ arms }: PointSpec): string =>
  'versions' in arms ? `versions of ${arms.versions}` : `${arms.length} arms`;
