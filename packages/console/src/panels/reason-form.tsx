import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { ApiError, type ProblemDocument } from '../io/api.ts';
import { useConsole } from '../state/use.ts';
import { submitOnKeys } from '../ui/submit-keys.ts';
import { ProblemWords } from './failures.tsx';

/**
 * The lower half of a control dialog: a required reason, what went wrong, and the two buttons. Where the dialog has gone
 * by the time that something went wrong (somebody went back, or closed it), the page says so.
 */
export function ReasonForm(props: {
  /** What the button says and does. */
  verb: string;
  /** What failed, if it does: "Kill of the point backend". */
  what: string;
  tone: 'stop' | 'primary';
  testId: string;
  placeholder: string;
  /** What it begins with. */
  reason?: string;
  children: ReactNode;
  onCancel: () => void;
  /** Rejects with `ApiError` where the node refuses. */
  submit: (reason: string) => Promise<void>;
  /** What the page asks for again once it is done; the stream brings it, too, so that a failure is none of the call. */
  done?: () => Promise<void>;
}) {
  const [reason, setReason] = useState(props.reason ?? '');
  const [busy, setBusy] = useState(false);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<ProblemDocument | null>(null);
  const missing = reason.trim() === '';
  const { tell } = useConsole();
  const isOpen = useIsOpen();

  const onSubmit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setAsked(true);
    if (missing || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await props.submit(reason.trim());
    } catch (error) {
      const why = problemOf(error);
      if (!isOpen()) tell({ what: props.what, problem: why });
      setProblem(why);
      setBusy(false);
      return;
    }
    await props.done?.().catch(() => {});
  };

  return (
    <form onSubmit={(event) => void onSubmit(event)} noValidate>
      <div className="dialog-body">
        {props.children}
        <ReasonField
          reason={reason}
          missing={asked && missing}
          placeholder={props.placeholder}
          onChange={setReason}
        />
        {problem !== null && <Problem problem={problem} />}
      </div>
      <footer className="dialog-foot">
        <span className="quiet fine keys-hint">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd> to confirm
        </span>
        <button type="button" className="button" onClick={props.onCancel}>
          Cancel
        </button>
        <button
          type="submit"
          className={`button solid ${props.tone}`}
          data-testid={props.testId}
          disabled={busy}
        >
          {busy ? 'Sending…' : props.verb}
        </button>
      </footer>
    </form>
  );
}

function problemOf(error: unknown): ProblemDocument {
  if (error instanceof ApiError) return error.problem;
  return { status: 0, code: 'failed', detail: 'The answer could not be read.' };
}

/** Whether the component is still on the page, asked when an answer comes. */
function useIsOpen(): () => boolean {
  const open = useRef(false);
  useEffect(() => {
    open.current = true;
    return () => {
      open.current = false;
    };
  }, []);
  return () => open.current;
}

function ReasonField(props: {
  reason: string;
  /** Whether it was asked for, and is not there. */
  missing: boolean;
  placeholder: string;
  onChange: (reason: string) => void;
}) {
  const { missing } = props;
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Reason</label>
      <textarea
        id={id}
        data-testid="reason-input"
        rows={2}
        maxLength={500}
        required
        // The scope is already chosen where the dialog was opened: the reason is what is missing.
        data-autofocus
        placeholder={props.placeholder}
        value={props.reason}
        aria-invalid={missing}
        aria-describedby={missing ? `${id}-missing` : undefined}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={submitOnKeys}
      />
      {missing && (
        <p className="field-error" id={`${id}-missing`}>
          A reason is required.
        </p>
      )}
    </div>
  );
}

/** A refusal, with what to do about it. */
function Problem({ problem }: { problem: ProblemDocument }) {
  return (
    <div className="problem" role="alert">
      <ProblemWords problem={problem} />
    </div>
  );
}
