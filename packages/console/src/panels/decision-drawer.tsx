import { useEffect, useRef } from 'react';
import { REASONS } from '../reasons.ts';
import { type Route, routeHash, withQuery } from '../route.ts';
import { armColour } from '../select/arm-groups.ts';
import { clock, probability } from '../select/format.ts';
import { formatMetric, metricTitle } from '../select/metric.ts';
import { type Step, stepsOf, stratumWords, whySentence } from '../select/why.ts';
import type { SeenDecision } from '../state/model.ts';
import { useSlice } from '../state/use.ts';
import { go } from '../state/use-route.ts';
import { Icon, type IconName } from '../ui/icon.tsx';

/** "Why did it choose this?": one decision, step by step. Not modal: the stream beside it stays within reach. */
export function DecisionDrawer({ route }: { route: Route }) {
  const id = route.query.id ?? '';
  const live = useSlice((state) => state.decisions).find((seen) => seen.decision.id === id);
  // The stream moves on; what is being read stays.
  const kept = useRef<SeenDecision | undefined>(undefined);
  if (live !== undefined) kept.current = live;
  const seen = kept.current?.decision.id === id ? kept.current : undefined;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // From the keyboard, the focus stays in the list, so that arrows go on to the next decision.
    if (id !== '' && document.activeElement?.closest('.stream') === null) heading.current?.focus();
  }, [id]);
  if (id === '') return null;
  return (
    <aside className="drawer" aria-label="Why did it choose this?" data-testid="decision-why">
      <header className="drawer-head">
        <h2 ref={heading} tabIndex={-1}>
          Why did it choose this?
        </h2>
        <button
          type="button"
          className="button ghost square"
          aria-label="Close (Esc)"
          onClick={() => go(withQuery(route, { id: '' }), true)}
        >
          <Icon name="close" />
        </button>
      </header>
      {seen === undefined ? (
        <p className="empty">
          This page does not hold the decision <code>{id}</code>. It keeps the last few hundred that it has
          seen.
        </p>
      ) : (
        <Why seen={seen} />
      )}
    </aside>
  );
}

function Why({ seen }: { seen: SeenDecision }) {
  const { decision } = seen;
  const spec =
    useSlice((state) => state.points).find((entry) => entry.spec.point === decision.point)?.spec ?? null;
  const report = useSlice((state) => state.reports[decision.point]);
  const reason = REASONS[decision.reason];
  const steps = stepsOf(seen, spec);
  const assigned = steps.find((step) => step.title === 'Assignment')?.state !== 'skipped';
  return (
    <div className="drawer-body">
      <p className="why-arm">
        <i className="swatch" style={{ background: armColour(report?.merged.value, decision.arm) }} />
        <strong>{decision.arm ?? 'nothing'}</strong>
        <a className="quiet" href={routeHash('point', decision.point)}>
          {decision.point}
        </a>
      </p>
      <p className="why-sentence">{whySentence(seen, reason?.meaning ?? decision.reason)}</p>
      <dl className="facts">
        <Fact title="Arm executed" value={decision.arm ?? 'none'} />
        <Fact title="Arm proposed" value={decision.proposed ?? 'not asked'} />
        <Fact
          title="Propensity"
          value={decision.propensity === null ? 'unknown' : probability(decision.propensity)}
        />
        <Fact
          title="Confidence"
          value={decision.confidence === null ? 'unknown' : probability(decision.confidence)}
        />
        <Fact title="Stratum" value={assigned ? stratumWords(decision.stratum) : 'not assigned'} />
        <Fact title="Reason" value={decision.reason} title2={reason?.meaning} />
      </dl>
      <ol className="steps">
        {steps.map((step) => (
          <StepRow key={step.title} step={step} />
        ))}
        <OutcomeStep seen={seen} trains={reason?.trains === true && decision.propensity !== null} />
      </ol>
      <Provenance seen={seen} />
    </div>
  );
}

function Fact({ title, value, title2 }: { title: string; value: string; title2?: string | undefined }) {
  return (
    <div title={title2}>
      <dt>{title}</dt>
      <dd className="num">{value}</dd>
    </div>
  );
}

const STEP_ICONS: Readonly<Record<Step['state'], IconName>> = {
  passed: 'check',
  spoke: 'right',
  decided: 'stop',
  skipped: 'close',
};

function StepRow({ step }: { step: Step }) {
  return (
    <li className="step" data-state={step.state}>
      <span className="step-icon">
        <Icon name={STEP_ICONS[step.state]} size={12} />
      </span>
      <div>
        <h3>
          {step.title}
          {step.state === 'decided' && <span className="tag">decided</span>}
        </h3>
        {step.words.map((words) => (
          <p key={words}>{words}</p>
        ))}
      </div>
    </li>
  );
}

function OutcomeStep({ seen, trains }: { seen: SeenDecision; trains: boolean }) {
  const { outcome } = seen;
  return (
    <li className="step" data-state={outcome === null ? 'waiting' : 'passed'}>
      <span className="step-icon">
        <Icon name={outcome === null ? 'waiting' : 'check'} size={12} />
      </span>
      <div>
        <h3>Outcome</h3>
        {outcome === null ? (
          <p>None has come yet.</p>
        ) : (
          <dl className="facts">
            <Fact title="Reward" value={formatMetric('reward', outcome.reward)} />
            {Object.entries(outcome.metrics).map(([metric, value]) => (
              <Fact key={metric} title={metricTitle(metric)} value={formatMetric(metric, value)} />
            ))}
          </dl>
        )}
        <p className="quiet">
          {trains
            ? 'An outcome of this decision may teach the learner.'
            : 'An outcome of this decision teaches the learner nothing.'}
        </p>
      </div>
    </li>
  );
}

function Provenance({ seen }: { seen: SeenDecision }) {
  const { decision, node, unit, context } = seen;
  return (
    <details className="provenance" open>
      <summary>Where it comes from</summary>
      <dl className="facts">
        <Fact title="Time" value={clock(decision.atMs, true)} />
        <Fact title="Node" value={`${node} (${decision.tier})`} />
        <Fact title="Spec version" value={String(decision.versions.spec)} />
        <Fact title="View version" value={String(decision.versions.view)} />
        {unit !== null && <Fact title="Unit" value={unit} />}
      </dl>
      <p className="mono quiet wrap">{decision.id}</p>
      {context !== null && Object.keys(context).length > 0 && <pre>{JSON.stringify(context, null, 1)}</pre>}
    </details>
  );
}
