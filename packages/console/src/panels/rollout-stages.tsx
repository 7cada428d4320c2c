import { type RolloutPlan, rolloutHistory } from '../select/experiments.ts';
import { count, dateAndClock, duration, percent } from '../select/format.ts';
import { useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Panel } from '../ui/panel.tsx';
import type { ExperimentReport } from '../wire.ts';

/** The stages of a rollout as steps: done, current, to come. */
export function StageSteps({ plan, large = false }: { plan: RolloutPlan; large?: boolean }) {
  const { stages, stage, reverted } = plan;
  const words =
    reverted === null
      ? `stage ${stage + 1} of ${stages.length}: ${percent(stages[stage])}`
      : `taken back at ${percent(stages[stage])}`;
  return (
    <span
      className="stages"
      data-large={large}
      data-reverted={reverted !== null}
      role="img"
      aria-label={words}
      title={words}
    >
      {stages.map((share, i) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: a stage is its place
          key={i}
          className="stage"
          data-state={i < stage ? 'done' : i === stage ? 'now' : 'next'}
        >
          <i />
          <small className="num">{percent(share)}</small>
        </span>
      ))}
    </span>
  );
}

/** Where a rollout stands, what keeps it from the next stage, and how it came here. */
export function RolloutStages(props: { point: string; plan: RolloutPlan; report: ExperimentReport | null }) {
  const { plan, report } = props;
  const counted = report?.variants.find(({ control }) => !control)?.counted ?? null;
  const last = plan.stage >= plan.stages.length - 1;
  return (
    <Panel title="Stages">
      <StageSteps plan={plan} large />
      {plan.reverted !== null && (
        <p className="stages-why" data-tone="stop">
          <Icon name="revert" size={14} />
          <span>
            <b>Taken back: everybody is out.</b> {plan.reverted}. Another try is another{' '}
            <code>generation</code>, or another policy; only a person can take <code>reverted</code> out.
          </span>
        </p>
      )}
      {plan.reverted === null && last && (
        <p className="stages-why">The last stage: it has nowhere to go but back.</p>
      )}
      {plan.reverted === null && !last && !plan.guarded && (
        <p className="stages-why">
          Without guardrails a person moves it on: apply the point with the next <code>stage</code>.
        </p>
      )}
      {plan.reverted === null && !last && plan.guarded && (
        <div className="stages-next">
          <span>
            <b className="num">{count(counted)}</b>{' '}
            <span className="quiet">
              of {count(plan.minCounted)} rolled-out decisions counted in this stage
            </span>
          </span>
          <span className="meter" aria-hidden="true">
            <i style={{ width: `${Math.min(1, (counted ?? 0) / plan.minCounted) * 100}%` }} />
          </span>
          <span className="quiet">
            and at least {duration(plan.dwellMs)} in the stage; then it moves on by itself, unless a guardrail
            breaks
          </span>
        </div>
      )}
    </Panel>
  );
}

/** What it did by itself, and what people declared. */
export function RolloutHistory({ point }: { point: string }) {
  const entries = rolloutHistory(
    useSlice((state) => state.audit),
    point,
  );
  return (
    <Panel title="History" flush>
      {entries.length === 0 ? (
        <Empty>Nothing in the audit that this page was given.</Empty>
      ) : (
        <ol className="timeline">
          {entries.map((entry) => (
            <li key={`${entry.node}/${entry.seq}`} data-action={entry.action}>
              <span className="timeline-icon">
                <Icon name={ICONS[entry.action] ?? 'audit'} size={13} />
              </span>
              <span>
                <b>{WORDS[entry.action] ?? entry.action}</b> <span>{entry.reason}</span>
                <small className="quiet block num">
                  {dateAndClock(entry.atMs)}, by {entry.by}
                </small>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

const ICONS: Readonly<Record<string, 'up' | 'revert' | 'audit'>> = {
  'rollout.promote': 'up',
  'rollout.revert': 'revert',
};
const WORDS: Readonly<Record<string, string>> = {
  'rollout.promote': 'Promoted',
  'rollout.revert': 'Taken back',
  'point.apply': 'Declared',
};
