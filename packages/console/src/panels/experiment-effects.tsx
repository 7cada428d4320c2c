import { reachOf, verdictWord } from '../select/experiments.ts';
import { count, number, percent } from '../select/format.ts';
import { formatDifference, formatInterval, formatMetric, metricTitle } from '../select/metric.ts';
import { Forest, type ForestRow } from '../ui/forest.tsx';
import type { IconName } from '../ui/icon.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { ExperimentReport } from '../wire.ts';
import { variantColour } from './experiments-page.tsx';

type Metric = ExperimentReport['metrics'][number];

/** What every variant does to every metric, beside the control: a forest plot each, with the metric that decides first. */
export function ExperimentEffects({ report }: { report: ExperimentReport }) {
  return (
    <Panel
      title="Effects beside the control"
      flush
      aside={<span className="quiet">{effectsWords(report)}</span>}
    >
      {report.metrics.map((metric) => (
        <Effect key={metric.metric} report={report} metric={metric} />
      ))}
    </Panel>
  );
}

function effectsWords({ analysis, horizon, variants, looks }: ExperimentReport): string {
  const counted = variants.reduce((sum, each) => sum + each.counted, 0);
  if (analysis === 'sequential') return 'intervals hold together, whenever you look';
  if (analysis === 'group-sequential')
    return looks === undefined || looks.taken.length === 0
      ? 'nothing before the first planned look'
      : `as of look ${looks.taken.length} of at most ${looks.planned.length}`;
  return counted < (horizon ?? 0)
    ? 'nothing before the horizon: that look is the one'
    : 'one look, at the horizon';
}

function Effect({ report, metric }: { report: ExperimentReport; metric: Metric }) {
  const reach = reachOf(report, metric.metric);
  const higher = metric.better === 'higher';
  return (
    <section className="effect" aria-label={metricTitle(metric.metric)}>
      <header>
        <h3>{metricTitle(metric.metric)}</h3>
        <span className="tag">{metric.guardrail ? 'guardrail' : 'goal'}</span>
        <span className="quiet fine">
          {metric.assumed === true
            ? 'nobody said which way is better'
            : `${higher ? 'higher' : 'lower'} is better`}
          {metric.margin > 0 && (
            <>
              {' '}
              · harm up to {formatDifference(metric.metric, metric.margin).replace('+', '')} is put up with
            </>
          )}
          {metric.reduction !== null && (
            <> · the covariate took {percent(metric.reduction)} of the variance</>
          )}
        </span>
      </header>
      <Forest
        label={`Effects on ${metricTitle(metric.metric)}`}
        scale={[-reach, reach]}
        zero={0}
        harm={
          metric.guardrail || metric.margin > 0
            ? { at: higher ? -metric.margin : metric.margin, below: higher }
            : null
        }
        format={(value) => formatDifference(metric.metric, value)}
        rows={metric.variants.map((variant, i) => rowOf(report, metric, variant, i))}
      />
    </section>
  );
}

const VERDICTS: Readonly<Record<string, { tone: Tone; icon: IconName }>> = {
  better: { tone: 'ok', icon: 'check' },
  worse: { tone: 'stop', icon: 'warn' },
  'within the margin': { tone: 'ok', icon: 'check' },
  'no worse': { tone: 'ok', icon: 'check' },
  'no value': { tone: 'warn', icon: 'warn' },
  undecided: { tone: 'info', icon: 'waiting' },
};

function rowOf(
  report: ExperimentReport,
  metric: Metric,
  variant: Metric['variants'][number],
  i: number,
): ForestRow {
  const { mean, difference } = variant;
  const name = (
    <>
      <i className="swatch" style={{ background: variantColour(i) }} />
      <span className="forest-words">
        <span className="strong">{variant.variant}</span>
        <small className="quiet num" title={`95 % ${formatInterval(metric.metric, mean)}`}>
          {formatMetric(metric.metric, mean.mean)} of {count(mean.n)}
        </small>
      </span>
    </>
  );
  const none = { key: variant.variant, name, mean: null, low: null, high: null };
  if (difference === null) return { ...none, tone: 'plain', quiet: true, instead: 'control', figures: null };
  const word = verdictWord(metric, variant);
  const { tone, icon } = VERDICTS[word] ?? VERDICTS.undecided;
  return {
    ...difference,
    key: variant.variant,
    name,
    tone,
    ...(difference.low === null
      ? {
          instead:
            word === 'no value'
              ? 'no value has come: check its name'
              : report.analysis === 'sequential'
                ? 'too few outcomes for an interval'
                : 'waits for its next look',
        }
      : {}),
    figures: (
      <>
        <span>
          <span className="strong">{formatDifference(metric.metric, difference.mean)}</span>{' '}
          <span className="quiet">{formatInterval(metric.metric, difference, formatDifference)}</span>
        </span>
        <span className="forest-verdict">
          <Mark tone={tone} icon={icon}>
            {word}
          </Mark>
          {variant.p !== null && (
            <small className="quiet" title={variant.e === null ? undefined : `e-value ${number(variant.e)}`}>
              p {variant.p < 0.001 ? '< 0.001' : number(variant.p, 2)}
            </small>
          )}
        </span>
      </>
    ),
  };
}
