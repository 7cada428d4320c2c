import type { ProblemDocument } from '../io/api.ts';
import type { Failure } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';

/** Two may be the same, word by word. */
export interface ToldFailure extends Failure {
  readonly id: number;
}

/** Calls that failed after their dialog had gone, over every page; each stays until somebody dismisses it. */
export function Failures(props: {
  failures: readonly ToldFailure[];
  onDismiss: (failure: ToldFailure) => void;
}) {
  const { failures, onDismiss } = props;
  if (failures.length === 0) return null;
  return (
    <div className="failures">
      {failures.map((failure) => (
        <div key={failure.id} className="problem failure" role="alert">
          <div>
            <b>{failure.what} failed.</b> <ProblemWords problem={failure.problem} />
            {/* A connection that broke says nothing about what arrived before. */}
            {failure.problem.status === 0 && (
              <p>Whether it was carried out is not known: look at the audit.</p>
            )}
          </div>
          <button
            type="button"
            className="button ghost square"
            aria-label="Dismiss"
            onClick={() => onDismiss(failure)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

/** Why a call was refused, and what to do about it. */
export function ProblemWords({ problem }: { problem: ProblemDocument }) {
  return (
    <>
      <b>{problem.detail}</b>
      {problem.field !== undefined && <span> Field: {problem.field}.</span>}
      {problem.mend !== undefined && <span> {problem.mend}</span>}
      <code>{problem.code}</code>
    </>
  );
}
