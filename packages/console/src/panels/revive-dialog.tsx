import { scopeWords } from '../select/controls.ts';
import { dateAndClock, plural } from '../select/format.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ReasonForm } from './reason-form.tsx';

/** Takes back every kill that stands for a scope. */
export function ReviveDialog({ scope, onClose }: { scope: string; onClose: () => void }) {
  const { api, store } = useConsole();
  const controls = useSlice((state) => state.controls);
  const kills = (controls?.value.kills ?? []).filter((kill) => kill.scope === scope);
  return (
    <Dialog
      title={`Revive ${scopeWords(scope)}?`}
      lead="The policy decides again, from what it had learned."
      onClose={onClose}
    >
      <ReasonForm
        verb="Revive"
        what={`Revive of ${scopeWords(scope)}`}
        tone="primary"
        testId="confirm-revive"
        placeholder="What has been mended?"
        onCancel={onClose}
        submit={async (reason) => {
          await api.revive(scope, reason);
          onClose();
        }}
        done={async () => {
          // The stream will say so within a second; whoever pressed the button should not have to wait.
          store.deliver([{ kind: 'controls-answer', controls: await api.controls() }], true);
        }}
      >
        <div className="field">
          <span className="field-label">Takes back {plural(kills.length, 'kill')}</span>
          <ul className="taken">
            {kills.map((kill) => (
              <li key={kill.tag}>
                <span>{kill.reason}</span>
                <span className="quiet fine">
                  {kill.by}, {dateAndClock(kill.atMs)}
                </span>
              </li>
            ))}
          </ul>
          <p className="fine quiet">Kills of other scopes, and one given at this very moment, stay.</p>
        </div>
      </ReasonForm>
    </Dialog>
  );
}
