import { useState } from 'react';
import { routeHash } from '../route.ts';
import {
  byAttention,
  decidingMetric,
  type ExperimentEntry,
  entriesOf,
  isOpen,
  reachOf,
} from '../select/experiments.ts';
import { count, percent, plural } from '../select/format.ts';
import { formatDifference, formatInterval, metricTitle } from '../select/metric.ts';
import { useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { IntervalPlot } from '../ui/interval.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Empty, Nothing, Panel } from '../ui/panel.tsx';
import { SearchField } from '../ui/search-field.tsx';
import type { ExperimentReport } from '../wire.ts';
import { StageSteps } from './rollout-stages.tsx';
import { kindWord, StandingMark } from './standing-mark.tsx';

/** More than this many are not drawn at once: the filter finds the rest. */
const ROWS = 150;

/** Every experiment and rollout of every point, those that want a person first. */
export function ExperimentsPage() {
  const reports = useSlice((state) => state.reports);
  const [text, setText] = useState('');
  const all = byAttention(Object.values(reports).flatMap(({ merged }) => entriesOf(merged.value)));
  const wanted = text.trim().toLowerCase();
  const found = all.filter((entry) =>
    [entry.name, entry.point, kindWord(entry), entry.standing].some((word) =>
      word.toLowerCase().includes(wanted),
    ),
  );
  const open = found.filter(isOpen);
  const over = found.filter((entry) => !isOpen(entry));
  if (all.length === 0)
    return (
      <section className="panel" aria-label="Experiments">
        <Nothing>
          <NoExperiments />
        </Nothing>
      </section>
    );
  return (
    <>
      <Panel
        title={plural(open.length, 'experiment')}
        flush
        aside={<SearchField label="Find an experiment" value={text} onChange={setText} />}
      >
        {open.length === 0 ? (
          <Empty>{over.length > 0 ? 'Nothing runs.' : 'No experiment fits.'}</Empty>
        ) : (
          <Rows entries={open} />
        )}
      </Panel>
      {over.length > 0 && (
        <Panel title={`${over.length} finished`} flush>
          <Rows entries={over} />
        </Panel>
      )}
    </>
  );
}

function NoExperiments() {
  return (
    <>
      No point has an experiment or a rollout. Both are guards: <code>kind: experiment</code> or{' '}
      <code>kind: rollout</code> in a point’s declaration.
    </>
  );
}

function Rows({ entries }: { entries: readonly ExperimentEntry[] }) {
  return (
    <>
      <ul className="exp-list">
        {entries.slice(0, ROWS).map((entry) => (
          <Row key={`${entry.point}/${entry.name}`} entry={entry} />
        ))}
      </ul>
      {entries.length > ROWS && <Empty>And {entries.length - ROWS} more: narrow the search.</Empty>}
    </>
  );
}

function Row({ entry }: { entry: ExperimentEntry }) {
  const { point, name, report, rollout } = entry;
  return (
    <li className="exp-row" data-testid="experiment-row">
      <div className="exp-name">
        <a href={routeHash('experiment', point, {}, name)}>
          {rollout === null ? name : `${point} rollout`}
          <Icon name="right" size={13} />
        </a>
        <small className="quiet">
          {kindWord(entry)} at {point}
        </small>
      </div>
      <div className="exp-standing">
        <StandingMark entry={entry} />
        {report !== null && <Looks report={report} />}
      </div>
      <div className="exp-figure">
        {rollout !== null ? <StageSteps plan={rollout} /> : report !== null && <Split report={report} />}
      </div>
      <div className="exp-lift">
        {report === null ? (
          <span className="quiet">{rollout?.reverted ?? 'nothing is compared at this stage'}</span>
        ) : (
          <Lifts report={report} />
        )}
      </div>
    </li>
  );
}

/** How often it may be looked at, and how much there is to see. */
function Looks({ report }: { report: ExperimentReport }) {
  const counted = report.variants.reduce((sum, each) => sum + each.counted, 0);
  const words = { fixed: 'one look', 'group-sequential': 'planned looks', sequential: 'any time' }[
    report.analysis
  ];
  const share = report.horizon === null ? null : Math.min(1, counted / report.horizon);
  return (
    <small className="quiet nowrap num">
      {count(counted)}
      {report.horizon !== null && ` of ${count(report.horizon)}`} counted · {words}
      {share !== null && (
        <span className="meter block" aria-hidden="true">
          <i style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </small>
  );
}

/** Who gets what, as one bar. */
function Split({ report }: { report: ExperimentReport }) {
  const counted = report.variants.reduce((sum, each) => sum + each.counted, 0);
  const shares = report.variants.map((each) => each.share ?? (counted === 0 ? 0 : each.counted / counted));
  const words = report.variants.map((each, i) => `${each.variant} ${percent(shares[i])}`).join(', ');
  return (
    <span className="exp-split">
      <span className="share-bar" role="img" aria-label={words} title={words}>
        {report.variants.map((each, i) => (
          <i key={each.variant} style={{ flexGrow: shares[i], background: variantColour(i) }} />
        ))}
      </span>
      <small className="quiet">{plural(report.variants.length, 'variant')}</small>
    </span>
  );
}

/** A variant's colour, by its place. */
export function variantColour(place: number): string {
  return `var(--arm-${place % 8})`;
}

const TONES: Readonly<Record<string, Tone>> = { better: 'ok', worse: 'stop', undecided: 'info' };
/** Variants with an interval of their own in the list. */
const SHOWN = 2;

/** What each variant adds in the metric that decides. */
function Lifts({ report }: { report: ExperimentReport }) {
  const metric = decidingMetric(report);
  if (metric === undefined) return null;
  const reach = reachOf(report, metric.metric);
  const others = metric.variants.filter(({ verdict }) => verdict !== 'control');
  const sign = metric.better === 'higher' ? -1 : 1;
  const best = [...others].sort((a, b) => sign * ((a.difference?.mean ?? 0) - (b.difference?.mean ?? 0)));
  return (
    <>
      {best.slice(0, SHOWN).map(({ variant, mean, difference, verdict }) => (
        <span key={variant} className="exp-lift-row">
          <span className="exp-lift-name clip" title={variant}>
            {others.length > 1 ? variant : metricTitle(metric.metric)}
          </span>
          {difference !== null && difference.low === null && (
            <span className="quiet">
              {mean.n === 0
                ? 'no value has come'
                : report.analysis === 'sequential'
                  ? 'too few outcomes for an interval'
                  : 'judged at its next look'}
            </span>
          )}
          {difference !== null && difference.low !== null && (
            <>
              <IntervalPlot estimate={difference} scale={[-reach, reach]} zero={0} tone={TONES[verdict]} />
              <span className="num nowrap">
                <span className="strong">{formatDifference(metric.metric, difference.mean)}</span>{' '}
                <span className="quiet exp-lift-ends">
                  {formatInterval(metric.metric, difference, formatDifference)}
                </span>
              </span>
            </>
          )}
        </span>
      ))}
      {best.length > SHOWN && <small className="quiet">and {best.length - SHOWN} more</small>}
      {report.mismatch.verdict === 'mismatch' && (
        <Mark tone="stop" icon="warn">
          sample ratio mismatch
        </Mark>
      )}
    </>
  );
}
