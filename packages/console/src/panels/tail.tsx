import { duration } from '../select/format.ts';
import { hasHoldout, liftRows, type Tail, tailOf, tailSentence, tailVerdict } from '../select/lift.ts';
import { formatDifference, formatInterval, formatMetric } from '../select/metric.ts';
import type { PointReport } from '../wire.ts';

/** The headline of a point: what the learning does to the tail of the latency, or to the reward where there is none. */
export function Headline({ report }: { report: PointReport }) {
  if (!hasHoldout(report)) {
    return (
      <div className="headline">
        <span className="label">Lift</span>
        <p className="headline-wait">No holdout</p>
        <p className="quiet">
          Without a <code>holdout</code> guard there is nothing to compare with, and nothing is claimed.
        </p>
      </div>
    );
  }
  const tail = tailOf(report);
  return (
    <div className="headline" data-held={report.mode !== 'learning'}>
      {tail === null ? <RewardHeadline report={report} /> : <TailHeadline tail={tail} />}
      <OtherMetrics report={report} shown={tail?.metric ?? 'reward'} />
      {report.mode !== 'learning' && <p className="fine">Measured before: the policy does not decide now.</p>}
    </div>
  );
}

function TailHeadline({ tail }: { tail: Tail }) {
  const claimed = tail.claim === 'better' || tail.claim === 'worse';
  const verdict = tailVerdict(tail);
  return (
    <section className="headline-main" data-claim={tail.claim} aria-label={tailSentence(tail)}>
      <span className="label">Tail latency, treated and holdout</span>
      {tail.claim === 'waiting' ? (
        <p className="headline-wait">Not enough outcomes yet</p>
      ) : (
        <p className="headline-figure">
          <span className="headline-name">{tail.shown.name}</span>
          <strong>
            {tail.bounds && <Bound sign="≤" words="at most" />}
            {duration(tail.shown.treated)}
          </strong>
          <span className="headline-beside">
            {claimed ? 'instead of' : 'beside'} {tail.bounds && <Bound sign="≥" words="at least" />}
            {duration(tail.shown.holdout)}
            <small> holdout</small>
          </span>
        </p>
      )}
      {verdict !== null && <p className="headline-verdict">{verdict}</p>}
      <QuantileBars tail={tail} />
      <p className="fine">{tail.basis}</p>
    </section>
  );
}

/** Quantiles of several nodes are bounds for the whole: the largest of the treated, the smallest of the holdouts. */
function Bound({ sign, words }: { sign: string; words: string }) {
  return (
    <small className="bound" title={`Over several nodes: ${words}`}>
      <span aria-hidden="true">{sign}</span>
      <span className="hidden">{words} </span>
    </small>
  );
}

function QuantileBars({ tail }: { tail: Tail }) {
  const top = Math.max(...tail.rows.flatMap((row) => [row.treated ?? 0, row.holdout ?? 0]), 1e-9);
  const bar = (value: number | null, who: string) => (
    <span className="qbar" data-who={who}>
      <i style={{ width: value === null ? 0 : `${Math.max(1, (value / top) * 100)}%` }} />
    </span>
  );
  return (
    <table className="quantiles">
      <thead className="hidden">
        <tr>
          <th scope="col">Quantile</th>
          <th scope="col">Bars</th>
          <th scope="col">Treated</th>
          <th scope="col">Holdout</th>
        </tr>
      </thead>
      <tbody>
        {tail.rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">{row.name}</th>
            <td className="qbars" aria-hidden="true">
              {bar(row.treated, 'treated')}
              {bar(row.holdout, 'holdout')}
            </td>
            <td className="num" data-who="treated">
              {duration(row.treated)}
            </td>
            <td className="num" data-who="holdout">
              {duration(row.holdout)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RewardHeadline({ report }: { report: PointReport }) {
  const row = liftRows(report)[0];
  if (row === undefined || row.verdict === 'unknown') {
    return (
      <div className="headline-main">
        <span className="label">Lift over the holdout</span>
        <p className="headline-wait">Not enough outcomes yet</p>
      </div>
    );
  }
  const { metric, difference, treated, holdout } = row.lift;
  const claimed = row.verdict !== 'undistinguishable';
  return (
    <div className="headline-main" data-claim={row.verdict}>
      <span className="label">Lift over the holdout, {row.title}</span>
      <p className="headline-figure">
        {claimed && <strong>{formatDifference(metric, difference.mean)}</strong>}
        <span className="headline-beside">
          {formatMetric(metric, treated.mean)} {claimed ? 'instead of' : 'beside'}{' '}
          {formatMetric(metric, holdout.mean)}
          <small> holdout</small>
        </span>
      </p>
      {!claimed && <p className="headline-verdict">Not yet distinguishable</p>}
      <p className="fine">
        Difference {formatDifference(metric, difference.mean)}, 95 %{' '}
        {formatInterval(metric, difference, formatDifference)}.
      </p>
    </div>
  );
}

/** Lines beside the headline at most; the point's own page has them all. */
const OTHERS = 3;

/** The other metrics in a line each: values, difference, and no claim while the interval includes 0. */
function OtherMetrics({ report, shown }: { report: PointReport; shown: string }) {
  const rows = liftRows(report).filter((row) => row.lift.metric !== shown && row.verdict !== 'unknown');
  if (rows.length === 0) return null;
  return (
    <dl className="others">
      {rows.slice(0, OTHERS).map((row) => (
        <div
          key={row.lift.metric}
          title={`95 % ${formatInterval(row.lift.metric, row.lift.difference, formatDifference)}`}
        >
          <dt>{row.title}</dt>
          <dd className="num">
            {formatMetric(row.lift.metric, row.lift.treated.mean)}{' '}
            <span className="quiet">
              {row.verdict === 'undistinguishable' ? 'beside' : 'instead of'}{' '}
              {formatMetric(row.lift.metric, row.lift.holdout.mean)}
            </span>
          </dd>
          <dd className="num others-lift" data-verdict={row.verdict}>
            {row.verdict === 'undistinguishable'
              ? 'not yet distinguishable'
              : formatDifference(row.lift.metric, row.lift.difference.mean)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
