import { useState } from 'react';
import { routeHash } from '../route.ts';
import { armGroups, groupColour, groupShares } from '../select/arm-groups.ts';
import { sharesNow } from '../select/arms.ts';
import { percent, plural, rate } from '../select/format.ts';
import { liftRows, tailOf, tailSentence } from '../select/lift.ts';
import { formatDifference } from '../select/metric.ts';
import { modeOf, pointsByAttention } from '../select/points.ts';
import type { Sample } from '../state/model.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Nothing, Panel } from '../ui/panel.tsx';
import { SearchField } from '../ui/search-field.tsx';
import { Spark } from '../ui/spark.tsx';
import type { PointReport, PointSpec } from '../wire.ts';
import { Elsewhere } from './elsewhere.tsx';
import { FrozenNote, PointPills } from './frozen.tsx';

/** More than this many rows are not drawn at once: the filter finds the rest. */
const ROWS = 200;

/** Every point, one row each. */
export function PointsPage() {
  const points = useSlice((state) => state.points);
  const reports = useSlice((state) => state.reports);
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const specs = pointsByAttention({ points, reports }).filter((spec) =>
    [spec.point, spec.domain ?? '', spec.description ?? '', spec.policy.kind].some((field) =>
      field.toLowerCase().includes(wanted),
    ),
  );
  return (
    <Panel
      title={points.length === 0 ? 'Points' : plural(points.length, 'point')}
      flush
      aside={<SearchField label="Find a point" value={text} onChange={setText} />}
    >
      {specs.length === 0 ? (
        <Nothing>{points.length === 0 ? <NoPoints /> : 'No point fits.'}</Nothing>
      ) : (
        <div className="scroll">
          <table className="table points">
            <thead>
              <tr>
                <th scope="col">Point</th>
                <th scope="col">Mode</th>
                <th scope="col">Arms now</th>
                <th scope="col">Lift</th>
                <th scope="col" className="right">
                  Decisions
                </th>
                <th scope="col">
                  <span className="hidden">Stop</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {specs.slice(0, ROWS).map((spec) => (
                <Row key={spec.point} spec={spec} />
              ))}
            </tbody>
          </table>
          {specs.length > ROWS && <Empty>And {specs.length - ROWS} more: narrow the search.</Empty>}
        </div>
      )}
    </Panel>
  );
}

/** What to do on an empty tree. */
export function NoPoints() {
  return (
    <>
      No decision point is declared yet. <code>ganglion point apply point.yaml</code> declares one.
    </>
  );
}

function Row({ spec }: { spec: PointSpec }) {
  const { openKill } = useConsole();
  const reports = useSlice((state) => state.reports[spec.point]);
  const samples = useSlice((state) => state.history[spec.point]);
  const report = reports?.merged.value;
  return (
    <tr>
      <th scope="row">
        <a href={routeHash('point', spec.point)}>{spec.point}</a>
        {spec.domain !== undefined && <small className="quiet"> {spec.domain}</small>}
      </th>
      <td>
        {reports === undefined ? (
          <span className="quiet">not heard</span>
        ) : (
          <>
            <span className="pills">
              <PointPills reports={reports} />
            </span>
            <Elsewhere mode={modeOf(reports)} />
            <FrozenNote point={spec.point} reports={reports} />
          </>
        )}
      </td>
      <td>{report !== undefined && <ShareBar report={report} samples={samples ?? []} />}</td>
      <td>{report !== undefined && <LiftWords report={report} />}</td>
      <td className="right num nowrap">
        <Spark values={(samples ?? []).slice(-60).map((one) => one.rate)} />{' '}
        {rate(report?.decisionsPerSecond)}
      </td>
      <td className="right">
        <button
          type="button"
          className="button ghost small"
          aria-label={`Kill ${spec.point}`}
          onClick={() => openKill(`point:${spec.point}`)}
        >
          <Icon name="stop" size={12} /> Kill…
        </button>
      </td>
    </tr>
  );
}

function ShareBar({ report, samples }: { report: PointReport; samples: readonly Sample[] }) {
  const groups = armGroups(report);
  const shares = groupShares(sharesNow(report, samples), groups);
  const words = groups.map((group, i) => `${group.title} ${percent(shares[i])}`).join(', ');
  return (
    <span className="share-bar" role="img" aria-label={words} title={words}>
      {groups.map((group, i) => (
        <i key={group.title} style={{ flexGrow: shares[i] ?? 0, background: groupColour(group) }} />
      ))}
    </span>
  );
}

function LiftWords({ report }: { report: PointReport }) {
  const tail = tailOf(report);
  if (tail !== null && tail.claim !== 'waiting') return <>{tailSentence(tail)}</>;
  const row = liftRows(report)[0];
  if (row === undefined) return <span className="quiet">no holdout, or no outcome yet</span>;
  const claimed = row.verdict !== 'unknown' && row.verdict !== 'undistinguishable';
  return (
    <>
      {row.title} {claimed && formatDifference(row.lift.metric, row.lift.difference.mean)}{' '}
      <span className="quiet">{row.words}</span>
    </>
  );
}
