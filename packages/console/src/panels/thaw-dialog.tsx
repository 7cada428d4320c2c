import { dateAndClock, plural } from '../select/format.ts';
import { decayedOf } from '../select/validation.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ReasonForm } from './reason-form.tsx';

/** Of more learners than this the rest is counted. */
const SHOWN = 5;

/** Frozen learners of a point learn again. */
export function ThawDialog({ point, onClose }: { point: string; onClose: () => void }) {
  const { api, store } = useConsole();
  const reports = useSlice((state) => state.reports[point]);
  const { frozen, said } = reports === undefined ? { frozen: [], said: [] } : decayedOf(reports);
  const all = [...frozen, ...said];
  return (
    <Dialog
      title={`Thaw ${point}?`}
      lead="What learns there learns again, and the test for decay begins anew: it fires again if nothing was mended."
      onClose={onClose}
    >
      <ReasonForm
        verb="Thaw"
        what={`Thaw of ${point}`}
        tone="primary"
        testId="confirm-thaw"
        placeholder="What has been mended?"
        onCancel={onClose}
        submit={async (reason) => {
          await api.thaw(point, reason);
          onClose();
        }}
        done={async () => {
          // What the nodes below make of it comes with the stream; that it was said should be seen at once.
          const [answer, entries] = await Promise.all([api.report(point), api.audit()]);
          store.deliver(
            [
              { kind: 'answer', answer },
              { kind: 'audit-answer', entries },
            ],
            true,
          );
        }}
      >
        <div className="field">
          <span className="field-label">
            {all.length === 0 ? 'Nothing is frozen any more' : `Thaws ${plural(all.length, 'learner')}`}
          </span>
          <ul className="taken">
            {all.slice(0, SHOWN).map(({ node, why, sinceMs }) => (
              <li key={node}>
                <span>
                  <b>{node}</b>: {why}
                </span>
                <span className="quiet fine">since {dateAndClock(sinceMs)}</span>
              </li>
            ))}
            {all.length > SHOWN && <li className="quiet">and {all.length - SHOWN} more</li>}
          </ul>
          <p className="fine quiet">
            On this node and below. What was learned between the change and the freeze stays: reset the point
            if that matters.
          </p>
        </div>
      </ReasonForm>
    </Dialog>
  );
}
