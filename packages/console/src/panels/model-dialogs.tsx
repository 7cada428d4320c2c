import { useId, useState } from 'react';
import { percent } from '../select/format.ts';
import { rollbackTo, trafficOf } from '../select/models.ts';
import { useConsole } from '../state/use.ts';
import { Dialog } from '../ui/dialog.tsx';
import type { ModelStatus } from '../wire.ts';
import { ReasonForm } from './reason-form.tsx';

/** Shares of a challenger that a person would begin with. */
const SHARES = [0.01, 0.05, 0.1, 0.2, 0.5] as const;

/** A version gets traffic: a share as a challenger, or all of it as champion. */
export function PromoteDialog(props: { model: ModelStatus; version: string; onClose: () => void }) {
  const { model, version, onClose } = props;
  const { api } = useConsole();
  const id = useId();
  const [share, setShare] = useState('0.05');
  const champion = share === '';
  const others = trafficOf(model).filter(({ stage, version: v }) => stage === 'challenger' && v !== version);
  return (
    <Dialog
      title={`Promote ${version} of ${model.model}`}
      lead={
        champion
          ? `It becomes champion; ${model.champion} is kept to go back to.`
          : `It takes units of ${model.champion} only; each keeps its version while the shares stand.`
      }
      onClose={onClose}
    >
      <ReasonForm
        verb={champion ? 'Make it champion' : `Give it ${percent(Number(share))}`}
        tone="primary"
        testId="confirm-promote"
        what={`Promotion of ${version} of ${model.model}`}
        placeholder="What speaks for it?"
        onCancel={onClose}
        submit={async (reason) => {
          await api.promote(model.model, {
            version,
            reason,
            ...(champion ? {} : { traffic: Number(share) }),
          });
          onClose();
        }}
      >
        <div className="field">
          <label htmlFor={id}>Traffic</label>
          <select
            id={id}
            data-testid="promote-traffic"
            value={share}
            onChange={(event) => setShare(event.target.value)}
          >
            {SHARES.map((each) => (
              <option key={each} value={each}>
                {percent(each)} as challenger
              </option>
            ))}
            <option value="">All that its challengers leave, as champion</option>
          </select>
        </div>
        {others.length > 0 && (
          <p className="fine quiet">
            {others.map((each) => `${each.version} keeps its ${percent(each.share)}`).join('; ')}.
          </p>
        )}
      </ReasonForm>
    </Dialog>
  );
}

/** The champion is stopped everywhere, and the one before it serves again. */
export function RollbackDialog({ model, onClose }: { model: ModelStatus; onClose: () => void }) {
  const { api, store } = useConsole();
  const to = rollbackTo(model);
  return (
    <Dialog
      tone="stop"
      title={`Roll ${model.model} back to ${to}?`}
      lead={`${model.champion} is killed on every node, at once and audited, like any kill.`}
      onClose={onClose}
    >
      <ReasonForm
        verb={`Back to ${to}`}
        tone="stop"
        testId="confirm-rollback"
        what={`Rollback of ${model.model} to ${to}`}
        placeholder="What is wrong with it?"
        onCancel={onClose}
        submit={async (reason) => {
          await api.rollback(model.model, reason);
          onClose();
        }}
        done={async () => {
          // Who acknowledged stands under the controls; whoever pressed the button should not have to wait for it.
          store.deliver([{ kind: 'controls-answer', controls: await api.controls() }], true);
        }}
      >
        <p className="quiet">
          Units of {model.champion} get {to} from their next decision. Revive the kill to let {model.champion}{' '}
          serve again; promote it to make it champion.
        </p>
      </ReasonForm>
    </Dialog>
  );
}
