import { type Route, routeHash } from '../route.ts';
import { type ExperimentEntry, entriesOf } from '../select/experiments.ts';
import { count, number, percent } from '../select/format.ts';
import { modeOf } from '../select/points.ts';
import { useSlice } from '../state/use.ts';
import { type Fact, Facts } from '../ui/facts.tsx';
import { ModePill } from '../ui/marks.tsx';
import { Empty } from '../ui/panel.tsx';
import type { ExperimentReport } from '../wire.ts';
import { ExperimentEffects } from './experiment-effects.tsx';
import { ExperimentTrack } from './experiment-track.tsx';
import { ExperimentWarnings } from './experiments.tsx';
import { Exposures } from './exposures.tsx';
import { RolloutHistory, RolloutStages } from './rollout-stages.tsx';
import { kindWord, StandingMark } from './standing-mark.tsx';
import { useOwnReport } from './use-own-report.ts';

/** One experiment: whether it can be believed, what each variant does to each metric, how sure that is, and since when. */
export function ExperimentPage({ route }: { route: Route }) {
  const reports = useSlice((state) => state.reports[route.name]);
  const ready = useSlice((state) => state.ready);
  const known = useOwnReport(route.name, reports?.merged.heardMs);
  const entry =
    reports === undefined
      ? undefined
      : entriesOf(reports.merged.value).find(({ name }) => name === route.part);
  if (reports === undefined || entry === undefined)
    return (
      <Empty>
        {ready && (reports !== undefined || !known) ? (
          <>
            “{route.name}” has no experiment “{route.part}”.{' '}
            <a href={routeHash('experiments')}>All experiments</a>
          </>
        ) : (
          'Loading…'
        )}
      </Empty>
    );
  const { report, rollout } = entry;
  const mode = modeOf(reports);
  return (
    <>
      <div className="page-head">
        <div>
          <h1>
            {rollout === null ? entry.name : `${entry.point} rollout`}
            <StandingMark entry={entry} testId="experiment-standing" />
            {mode.mode !== 'learning' && <ModePill mode={mode.mode} why={mode.why} />}
          </h1>
          <p className="quiet">
            {kindWord(entry)} at <a href={routeHash('point', entry.point)}>{entry.point}</a>
            {report !== null && <> · {analysisWords(report)}</>}
          </p>
        </div>
        <a className="button" href={routeHash('experiments')}>
          All experiments
        </a>
      </div>
      {report !== null && <Verdict entry={entry} report={report} />}
      {report !== null && <ExperimentWarnings report={report} />}
      {report !== null && <Counters report={report} />}
      {rollout !== null && <RolloutStages point={entry.point} plan={rollout} report={report} />}
      {report !== null && (
        <>
          <ExperimentEffects report={report} />
          <ExperimentTrack point={entry.point} report={report} />
        </>
      )}
      <div className={report !== null && rollout !== null ? 'columns' : 'stack'}>
        {report !== null && <Exposures report={report} />}
        {rollout !== null && <RolloutHistory point={entry.point} />}
      </div>
    </>
  );
}

function analysisWords({ analysis, alpha, kind, looks }: ExperimentReport): string {
  const level = `${percent(1 - alpha)} over all variants of a metric`;
  if (analysis === 'fixed') return `fixed horizon, ${level}`;
  if (analysis === 'group-sequential')
    return `${looks?.taken.length ?? 0} of ${looks?.planned.length ?? 0} planned looks taken, ${level}`;
  return `${kind === 'arms' ? 'the policy draws; ' : ''}valid at any time, ${level}`;
}

/** What to do, and the one thing that would forbid believing it. */
function Verdict({ entry, report }: { entry: ExperimentEntry; report: ExperimentReport }) {
  const { decision, winner, reason, mismatch } = report;
  if (mismatch.verdict === 'mismatch')
    return (
      <div className="verdict" data-tone="stop" role="alert">
        <strong>Sample ratio mismatch: do not believe these figures</strong>
        <span>
          Those that count are not those that were assigned (e-value {number(mismatch.e)}; a sound experiment
          reaches 100 with probability 1 % in all its life). Look for outcomes lost by one variant, redirects,
          bots, or exposures that one variant does not report.
        </span>
      </div>
    );
  const words = decision === 'ship' ? `Ship ${winner}` : decision === 'stop' ? 'Stop' : 'Keep going';
  const tone = decision === 'ship' ? 'ok' : decision === 'stop' ? 'stop' : 'info';
  return (
    <div
      className="verdict"
      data-tone={entry.standing === 'held' ? 'warn' : tone}
      data-testid="experiment-verdict"
    >
      <strong>{words}</strong>
      <span>
        Because {reason}.
        {entry.standing === 'held' && ' A control holds the point: what is decided meanwhile does not count.'}
      </span>
    </div>
  );
}

function Counters({ report }: { report: ExperimentReport }) {
  const { variants, horizon, mismatch, kind } = report;
  const counted = variants.reduce((sum, each) => sum + each.counted, 0);
  const closed = variants.reduce((sum, each) => sum + each.closed, 0);
  const counters: readonly Fact[] = [
    ['Counted', count(counted), `of ${count(closed)} whose window has closed`],
    ['Exposed, with an outcome', percent(closed === 0 ? null : counted / closed), 'of those assigned'],
    [
      'Horizon',
      horizon === null ? 'open' : percent(Math.min(1, counted / horizon)),
      horizon === null ? 'it may be looked at always' : `${count(counted)} of ${count(horizon)}`,
    ],
    [
      'Sample ratio',
      mismatch.verdict,
      `e-value ${number(mismatch.e)}, alarm at 100${kind === 'arms' ? '; under the policy’s own draws' : ''}`,
    ],
  ];
  return <Facts facts={counters} className="counters" />;
}
