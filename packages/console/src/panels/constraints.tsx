import { armColour } from '../select/arm-groups.ts';
import { count } from '../select/format.ts';
import { formatInterval, formatMetric, metricTitle } from '../select/metric.ts';
import { boundScale, constraintGroups } from '../select/parts.ts';
import { Forest } from '../ui/forest.tsx';
import type { IconName } from '../ui/icon.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { PointReport } from '../wire.ts';

type Constraint = NonNullable<PointReport['constraints']>[number];

const STATES: Readonly<Record<Constraint['state'], { tone: Tone; icon: IconName; words: string }>> = {
  met: { tone: 'ok', icon: 'check', words: 'holds it' },
  violated: { tone: 'stop', icon: 'stop', words: 'withheld' },
  unknown: { tone: 'info', icon: 'waiting', words: 'not known: explored within its budget' },
};

/** Which arm holds which bound, and how surely: beyond the line is harm, and an arm that is surely there is withheld. */
export function Constraints({ report }: { report: PointReport }) {
  const groups = constraintGroups(report);
  if (groups.length === 0) return null;
  return (
    <Panel
      title="Constraints"
      flush
      aside={<span className="quiet">always-valid intervals, over the tree</span>}
    >
      {groups.map(({ metric, bound, isMax, arms }) => (
        <section key={`${metric}/${isMax}/${bound}`} className="effect" aria-label={metricTitle(metric)}>
          <header>
            <h3>{metricTitle(metric)}</h3>
            <span className="tag">
              {isMax ? 'at most' : 'at least'} {formatMetric(metric, bound)}
            </span>
            <span className="quiet fine">{words(arms)}</span>
          </header>
          <Forest
            label={`Whether each arm holds the bound on ${metricTitle(metric)}`}
            scale={boundScale(bound, arms)}
            zero={bound}
            harm={{ at: bound, below: !isMax }}
            format={(value) => formatMetric(metric, value)}
            rows={arms.map((arm) => rowOf(report, arm))}
          />
        </section>
      ))}
    </Panel>
  );
}

function words(arms: readonly Constraint[]): string {
  const of = (state: Constraint['state']) => arms.filter((arm) => arm.state === state).length;
  return `${of('met')} of ${arms.length} arms hold it${of('violated') > 0 ? `, ${of('violated')} withheld` : ''}`;
}

function rowOf(report: PointReport, constraint: Constraint) {
  const { arm, metric, state, mean, low, high, n } = constraint;
  const { tone, icon, words } = STATES[state];
  return {
    key: arm,
    name: (
      <>
        <i className="swatch" style={{ background: armColour(report, arm) }} />
        <span className="forest-words">
          <span className="strong">{arm}</span>
          <small className="quiet num">{count(n)} outcomes</small>
        </span>
      </>
    ),
    mean,
    low,
    high,
    tone,
    ...(mean === null ? { instead: 'nothing known yet' } : {}),
    figures: (
      <>
        <span>
          <span className="strong">{formatMetric(metric, mean)}</span>{' '}
          <span className="quiet">{formatInterval(metric, { mean, low, high, n })}</span>
        </span>
        <span className="forest-verdict">
          <Mark tone={tone} icon={icon}>
            {words}
          </Mark>
        </span>
      </>
    ),
  };
}
