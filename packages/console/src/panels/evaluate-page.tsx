import { useEffect, useRef, useState } from 'react';
import { ApiError, type ProblemDocument } from '../io/api.ts';
import { type Route, withQuery } from '../route.ts';
import { currentCandidate, unloggedOf } from '../select/evaluation.ts';
import { toYaml } from '../select/yaml.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { go } from '../state/use-route.ts';
import { Empty, Panel } from '../ui/panel.tsx';
import type { EvaluateAnswer, EvaluateRequest, PointSpec } from '../wire.ts';
import { CandidateForm } from './candidate-form.tsx';
import { EvaluationResult } from './evaluation-result.tsx';
import { NoPoints } from './points-page.tsx';

/** What runs, and what came of it; of one point. */
type Asked =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly sinceMs: number }
  | { readonly state: 'answered'; readonly answer: EvaluateAnswer }
  | { readonly state: 'refused'; readonly problem: ProblemDocument };

/** What another policy would have brought, by the daemon's own log. */
export function EvaluatePage({ route }: { route: Route }) {
  const points = useSlice((state) => state.points);
  const ready = useSlice((state) => state.ready);
  const found = points.find(({ spec }) => spec.point === route.query.point) ?? points[0];
  if (found === undefined)
    return (
      <Panel title="Evaluate">
        <Empty>{ready ? <NoPoints /> : 'Loading…'}</Empty>
      </Panel>
    );
  return (
    <Evaluation
      key={found.spec.point}
      spec={found.spec}
      points={points.map(({ spec }) => spec.point)}
      onPoint={(point) => go(withQuery(route, { point }), true)}
    />
  );
}

function Evaluation(props: { spec: PointSpec; points: readonly string[]; onPoint: (point: string) => void }) {
  const { spec } = props;
  const [text, setText] = useState(() =>
    unloggedOf(spec.policy) === undefined ? toYaml(currentCandidate(spec)) : '',
  );
  const [asked, ask, cancel] = useEvaluation(spec.point);
  return (
    <div className="evaluate">
      <CandidateForm
        spec={spec}
        points={props.points}
        text={text}
        runningSinceMs={asked.state === 'running' ? asked.sinceMs : null}
        onPoint={props.onPoint}
        onText={setText}
        onAsk={(request) => ask({ ...request, candidate: text })}
        onCancel={cancel}
      />
      <div className="stack">
        {asked.state === 'idle' && <Explanation />}
        {asked.state === 'running' && <Running />}
        {asked.state === 'refused' && <Problem problem={asked.problem} />}
        {asked.state === 'answered' && <EvaluationResult answer={asked.answer} />}
      </div>
    </div>
  );
}

function useEvaluation(point: string): readonly [Asked, (request: EvaluateRequest) => void, () => void] {
  const { api } = useConsole();
  const [asked, setAsked] = useState<Asked>({ state: 'idle' });
  const running = useRef<AbortController>(null);
  // Who leaves the page does not want the answer: the daemon ends what it does for it.
  useEffect(() => () => running.current?.abort(), []);
  const ask = (request: EvaluateRequest): void => {
    const own = new AbortController();
    running.current?.abort();
    running.current = own;
    setAsked({ state: 'running', sinceMs: performance.now() });
    const settle = (next: Asked): void => {
      if (running.current === own) setAsked(next);
    };
    api.evaluate(point, request, own.signal).then(
      (answer) => settle({ state: 'answered', answer }),
      (error: unknown) => settle({ state: 'refused', problem: problemIn(error) }),
    );
  };
  const cancel = (): void => {
    running.current?.abort();
    running.current = null;
    setAsked({ state: 'idle' });
  };
  return [asked, ask, cancel];
}

function problemIn(error: unknown): ProblemDocument {
  return error instanceof ApiError
    ? error.problem
    : { status: 0, code: 'failed', detail: 'The answer could not be read.' };
}

function Explanation() {
  return (
    <Panel title="What would have happened?">
      <ol className="explain">
        <li>
          The daemon reads the newest decisions of the point, with their true propensities and outcomes.
        </li>
        <li>
          The candidate is asked what it would have done with each. One that learns is trained on other folds.
        </li>
        <li>
          Seven estimators say what that would have brought, each with an interval, beside what the log did.
        </li>
        <li>
          Where too little of the log speaks about the candidate, the answer is refused, with the reason.
        </li>
      </ol>
      <p className="quiet">
        Nothing changes: no decision waits for it, and the candidate decides nothing. It is in the audit.
      </p>
    </Panel>
  );
}

function Running() {
  return (
    <div className="evaluating" role="status">
      <span className="evaluating-bar" aria-hidden="true" />
      Asking the candidate about every decision, then every estimator…
    </div>
  );
}

function Problem({ problem }: { problem: ProblemDocument }) {
  return (
    <div className="problem" role="alert" data-testid="evaluation-problem">
      <b>{problem.detail}</b>
      {problem.field !== undefined && <span>Field: {problem.field}.</span>}
      {problem.mend !== undefined && <span>{problem.mend}</span>}
      <code>{problem.code}</code>
    </div>
  );
}
