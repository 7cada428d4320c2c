import { count } from '../select/format.ts';
import { hasHoldout, type LiftRow, liftRows } from '../select/lift.ts';
import { formatDifference, formatInterval, formatMetric } from '../select/metric.ts';
import type { IconName } from '../ui/icon.tsx';
import { IntervalPlot } from '../ui/interval.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Empty } from '../ui/panel.tsx';
import type { PointReport } from '../wire.ts';

/** Treated units beside the holdout, metric by metric. Nothing is claimed while the interval includes 0. */
export function LiftTable({ report }: { report: PointReport }) {
  const rows = liftRows(report);
  if (!hasHoldout(report)) return <Empty>This point has no holdout, so its lift cannot be known.</Empty>;
  if (rows.length === 0) return <Empty>No outcome has come yet.</Empty>;
  return (
    <div className="scroll">
      <table className="table lift">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" className="right">
              Treated
            </th>
            <th scope="col" className="right">
              Holdout
            </th>
            <th scope="col">Difference, 95 % at any time</th>
            <th scope="col">Verdict</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.lift.metric} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const VERDICTS: Readonly<Record<LiftRow['verdict'], { tone: Tone; icon: IconName }>> = {
  better: { tone: 'ok', icon: 'check' },
  worse: { tone: 'stop', icon: 'warn' },
  higher: { tone: 'info', icon: 'right' },
  lower: { tone: 'info', icon: 'right' },
  undistinguishable: { tone: 'plain', icon: 'waiting' },
  unknown: { tone: 'unknown', icon: 'unknown' },
};

function Row({ row }: { row: LiftRow }) {
  const { metric, treated, holdout, difference } = row.lift;
  const ends = [difference.low, difference.high, difference.mean, 0].filter((end) => end !== null);
  const reach = Math.max(...ends.map(Math.abs), 1e-12) * 1.1;
  const { tone, icon } = VERDICTS[row.verdict];
  return (
    <tr>
      <th scope="row">
        {row.title}
        {row.direction !== null && (
          <small className="quiet block">{row.direction === 'up' ? 'higher' : 'lower'} is better</small>
        )}
      </th>
      <td
        className="right num"
        title={`${count(treated.n)} outcomes, 95 % ${formatInterval(metric, treated)}`}
      >
        {formatMetric(metric, treated.mean)}
      </td>
      <td
        className="right num"
        title={`${count(holdout.n)} outcomes, 95 % ${formatInterval(metric, holdout)}`}
      >
        {formatMetric(metric, holdout.mean)}
      </td>
      <td>
        <span className="estimate">
          <IntervalPlot estimate={difference} scale={[-reach, reach]} zero={0} tone={tone} />
          <span className="num">
            <span className="strong">{formatDifference(metric, difference.mean)}</span>{' '}
            <span className="quiet">{formatInterval(metric, difference, formatDifference)}</span>
          </span>
        </span>
      </td>
      <td>
        <Mark tone={tone} icon={icon}>
          {row.words}
        </Mark>
      </td>
    </tr>
  );
}
