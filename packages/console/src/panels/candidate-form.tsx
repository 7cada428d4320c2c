import { useId, useState } from 'react';
import { armNames } from '../select/arms.ts';
import { currentCandidate, unloggedOf } from '../select/evaluation.ts';
import { wholeDuration } from '../select/format.ts';
import { toYaml } from '../select/yaml.ts';
import { useNow, useSlice } from '../state/use.ts';
import { Panel } from '../ui/panel.tsx';
import type { EvaluateRequest, PointSpec } from '../wire.ts';

const ROWS = [5_000, 50_000, 250_000, 1_000_000] as const;

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
  const { spec, runningSinceMs } = props;
  const id = useId();
  const [rows, setRows] = useState<number>(50_000);
  const [level, setLevel] = useState(0.95);
  const begun = (value: object) => () => props.onText(toYaml(value));
  const report = useSlice((state) => state.reports[spec.point]?.merged.value);
  const arms = report === undefined ? [] : armNames(report);
  const unlogged = unloggedOf(spec.policy);
  const empty = props.text.trim() === '';
  return (
    <Panel title="Candidate" className="candidate">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!empty) props.onAsk({ rows, level, name: 'candidate' });
        }}
      >
        <div className="field">
          <label htmlFor={`${id}-point`}>Point</label>
          <select
            id={`${id}-point`}
            data-testid="evaluate-point"
            value={spec.point}
            onChange={(event) => props.onPoint(event.target.value)}
          >
            {props.points.map((point) => (
              <option key={point}>{point}</option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-text`}>Policy, in YAML or JSON</label>
          <div className="presets">
            <button
              type="button"
              className="button small"
              disabled={unlogged !== undefined}
              onClick={begun(currentCandidate(spec))}
            >
              As it stands
            </button>
            <button type="button" className="button small" onClick={begun({ policy: { kind: 'split' } })}>
              Even split
            </button>
            <label className="hidden" htmlFor={`${id}-arm`}>
              Always one arm
            </label>
            <select
              id={`${id}-arm`}
              value=""
              onChange={(event) => begun({ policy: { kind: 'fixed', arm: event.target.value } })()}
            >
              <option value="">Always…</option>
              {arms.map((arm) => (
                <option key={arm}>{arm}</option>
              ))}
            </select>
          </div>
          {unlogged !== undefined && (
            <p className="quiet fine" data-testid="candidate-unlogged">
              The policy that stands looks at {unlogged}, which no row of the log keeps: no log can judge it.
              Judge it live, by an experiment or the holdout; or write another candidate.
            </p>
          )}
          <textarea
            id={`${id}-text`}
            className="mono"
            data-testid="candidate-text"
            rows={12}
            spellCheck={false}
            autoCapitalize="off"
            value={props.text}
            onChange={(event) => props.onText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey))
                event.currentTarget.form?.requestSubmit();
            }}
          />
        </div>
        <div className="field-row">
          <div className="field">
            <label htmlFor={`${id}-rows`}>Newest decisions</label>
            <select id={`${id}-rows`} value={rows} onChange={(event) => setRows(Number(event.target.value))}>
              {ROWS.map((each) => (
                <option key={each} value={each}>
                  {each.toLocaleString('en')}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor={`${id}-level`}>Intervals</label>
            <select
              id={`${id}-level`}
              value={level}
              onChange={(event) => setLevel(Number(event.target.value))}
            >
              {[0.9, 0.95, 0.99].map((each) => (
                <option key={each} value={each}>
                  {Math.round(each * 100)} %
                </option>
              ))}
            </select>
          </div>
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

function Elapsed({ sinceMs }: { sinceMs: number }) {
  return <span className="quiet num">{wholeDuration(useNow(500) - sinceMs)}</span>;
}
