import { routeHash } from '../route.ts';
import { countedWords, type ExperimentRow, experimentRows, reachOf } from '../select/experiments.ts';
import { count, percent } from '../select/format.ts';
import { formatDifference, formatInterval, formatMetric, metricTitle } from '../select/metric.ts';
import type { IconName } from '../ui/icon.tsx';
import { IntervalPlot } from '../ui/interval.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { ExperimentReport, PointReport } from '../wire.ts';

/** Every experiment of a point as a forest plot: what each variant adds, with the interval that may be looked at always. */
export function Experiments({ report }: { report: PointReport }) {
  return (report.experiments ?? []).map((experiment) => (
    <Panel
      key={experiment.experiment}
      title={titleOf(experiment)}
      flush
      aside={<a href={routeHash('experiment', report.point, {}, experiment.experiment)}>Over time</a>}
    >
      <Forest experiment={experiment} />
    </Panel>
  ));
}

const titleOf = ({ experiment, kind, phase }: ExperimentReport): string =>
  kind === 'rollout' ? `Rollout, stage ${phase}` : `Experiment ${experiment}`;

const DECISIONS: Readonly<Record<ExperimentReport['decision'], { tone: Tone; icon: IconName }>> = {
  ship: { tone: 'ok', icon: 'check' },
  stop: { tone: 'stop', icon: 'warn' },
  'keep going': { tone: 'plain', icon: 'waiting' },
};

function Forest({ experiment }: { experiment: ExperimentReport }) {
  const { decision, winner, reason, mismatch, variants } = experiment;
  const { tone, icon } = DECISIONS[decision];
  const counted = variants.reduce((sum, each) => sum + each.counted, 0);
  return (
    <div className="scroll">
      <p className="note">
        <Mark tone={tone} icon={icon}>
          {winner === null ? decision : `${decision} ${winner}`}
        </Mark>{' '}
        <span className="quiet">
          {reason}; {count(counted)} counted; sample ratio {mismatch.verdict}
        </span>
      </p>
      <ExperimentWarnings report={experiment} />
      <table className="table lift">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Variant</th>
            <th scope="col" className="right">
              Counted
            </th>
            <th scope="col" className="right">
              Mean
            </th>
            <th scope="col">Beside the control, at any time</th>
          </tr>
        </thead>
        <tbody>
          {experimentRows(experiment).map((row) => (
            <Row key={`${row.metric} ${row.variant}`} row={row} reach={reachOf(experiment, row.metric)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Metrics of which nothing can be known, and why. */
export function ExperimentWarnings({ report }: { report: ExperimentReport }) {
  return (report.warnings ?? []).map((warning) => (
    <p key={warning} className="note" role="status">
      <Mark tone="warn" icon="warn">
        {warning}
      </Mark>
    </p>
  ));
}

const TONES: Readonly<Record<ExperimentRow['verdict'], Tone>> = {
  control: 'plain',
  better: 'ok',
  worse: 'stop',
  undecided: 'info',
};

function Row({ row, reach }: { row: ExperimentRow; reach: number }) {
  const { metric, variant, mean, difference, verdict, share } = row;
  return (
    <tr>
      <th scope="row">
        {row.first ? metricTitle(metric) : ''}
        {row.first && <small className="quiet block">{row.way}</small>}
      </th>
      <td>
        {variant}
        {share !== null && <small className="quiet"> {percent(share)}</small>}
      </td>
      <td className="right num">{countedWords(row, count)}</td>
      <td className="right num" title={`95 % ${formatInterval(metric, mean)}`}>
        {formatMetric(metric, mean.mean)}
      </td>
      <td>
        {difference === null ? (
          <span className="quiet">control</span>
        ) : (
          <span className="estimate">
            <IntervalPlot estimate={difference} scale={[-reach, reach]} zero={0} tone={TONES[verdict]} />
            <span className="num">
              <span className="strong">{formatDifference(metric, difference.mean)}</span>{' '}
              <span className="quiet">{formatInterval(metric, difference, formatDifference)}</span>
            </span>
          </span>
        )}
      </td>
    </tr>
  );
}
