import { useId, useState } from 'react';
import { armNames } from '../select/arms.ts';
import { currentCandidate, unloggedOf } from '../select/evaluation.ts';
import { wholeDuration } from '../select/format.ts';
import { toYaml } from '../select/yaml.ts';
import { useNow, useSlice } from '../state/use.ts';
import { Panel } from '../ui/panel.tsx';
import { submitOnKeys } from '../ui/submit-keys.ts';
import type { EvaluateRequest, PointSpec } from '../wire.ts';

const ROWS = [5_000, 50_000, 250_000, 1_000_000] as const;
const LEVELS = [0.9, 0.95, 0.99] as const;

/** Whose log, which candidate, how many decisions: the question. */
export function CandidateForm(props: {
  spec: PointSpec;
  points: readonly string[];
  text: string;
  /** Page clock; null while nothing runs. */
  runningSinceMs: number | null;
  onPoint: (point: string) => void;
  onText: (text: string) => void;
  onAsk: (request: Omit<EvaluateRequest, 'candidate'>) => void;
  onCancel: () => void;
}) {
  const { spec, text, runningSinceMs } = props;
  const [rows, setRows] = useState<number>(50_000);
  const [level, setLevel] = useState<number>(0.95);
  const empty = text.trim() === '';
  return (
    <Panel title="Candidate" className="candidate">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!empty) props.onAsk({ rows, level, name: 'candidate' });
        }}
      >
        <SelectField
          label="Point"
          testId="evaluate-point"
          choices={props.points.map((point) => [point, point])}
          value={spec.point}
          onChange={props.onPoint}
        />
        <PolicyField spec={spec} text={text} onText={props.onText} />
        <div className="field-row">
          <SelectField
            label="Newest decisions"
            choices={ROWS.map((each) => [each, each.toLocaleString('en')])}
            value={rows}
            onChange={setRows}
          />
          <SelectField
            label="Intervals"
            choices={LEVELS.map((each) => [each, `${Math.round(each * 100)} %`])}
            value={level}
            onChange={setLevel}
          />
        </div>
        <div className="candidate-foot">
          <span className="quiet fine keys-hint">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </span>
          {runningSinceMs === null ? (
            <button
              type="submit"
              className="button solid primary"
              data-testid="evaluate-button"
              disabled={empty}
            >
              Evaluate
            </button>
          ) : (
            <button type="button" className="button" data-testid="evaluate-cancel" onClick={props.onCancel}>
              Cancel <Elapsed sinceMs={runningSinceMs} />
            </button>
          )}
        </div>
      </form>
    </Panel>
  );
}

function SelectField<T extends string | number>(props: {
  label: string;
  testId?: string;
  /** Each with its words. */
  choices: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        data-testid={props.testId}
        value={props.value}
        onChange={(event) => props.onChange(props.choices[event.target.selectedIndex][0])}
      >
        {props.choices.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The candidate as text, and what it may begin with. */
function PolicyField(props: { spec: PointSpec; text: string; onText: (text: string) => void }) {
  const id = useId();
  const unlogged = unloggedOf(props.spec.policy);
  return (
    <div className="field">
      <label htmlFor={id}>Policy, in YAML or JSON</label>
      <Beginnings
        spec={props.spec}
        unlogged={unlogged !== undefined}
        onBegin={(candidate) => props.onText(toYaml(candidate))}
      />
      {unlogged !== undefined && (
        <p className="quiet fine" data-testid="candidate-unlogged">
          The policy that stands looks at {unlogged}, which no row of the log keeps: no log can judge it.
          Judge it live, by an experiment or the holdout; or write another candidate.
        </p>
      )}
      <textarea
        id={id}
        className="mono"
        data-testid="candidate-text"
        rows={12}
        spellCheck={false}
        autoCapitalize="off"
        value={props.text}
        onChange={(event) => props.onText(event.target.value)}
        onKeyDown={submitOnKeys}
      />
    </div>
  );
}

function Beginnings(props: {
  spec: PointSpec;
  /** Whether no log can judge the policy that stands. */
  unlogged: boolean;
  onBegin: (candidate: object) => void;
}) {
  const { spec, onBegin } = props;
  const id = useId();
  const report = useSlice((state) => state.reports[spec.point]?.merged.value);
  const arms = report === undefined ? [] : armNames(report);
  return (
    <div className="presets">
      <button
        type="button"
        className="button small"
        disabled={props.unlogged}
        onClick={() => onBegin(currentCandidate(spec))}
      >
        As it stands
      </button>
      <button type="button" className="button small" onClick={() => onBegin({ policy: { kind: 'split' } })}>
        Even split
      </button>
      <label className="hidden" htmlFor={id}>
        Always one arm
      </label>
      <select
        id={id}
        value=""
        onChange={(event) => onBegin({ policy: { kind: 'fixed', arm: event.target.value } })}
      >
        <option value="">Always…</option>
        {arms.map((arm) => (
          <option key={arm}>{arm}</option>
        ))}
      </select>
    </div>
  );
}

function Elapsed({ sinceMs }: { sinceMs: number }) {
  return <span className="quiet num">{wholeDuration(useNow(500) - sinceMs)}</span>;
}
