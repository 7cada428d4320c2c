import { type FormEvent, useId, useState } from 'react';
import { useConsole } from '../state/use.ts';
import { Dialog } from '../ui/dialog.tsx';

/** The node wants a bearer token: ask once, keep it for this tab. */
export function TokenDialog({ why }: { why: string }) {
  const { giveToken } = useConsole();
  const id = useId();
  const [token, setToken] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (token.trim() !== '') giveToken(token.trim());
  };
  return (
    <Dialog title="This node wants a token" lead={why}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <div className="field">
            <label htmlFor={id}>Bearer token</label>
            <input
              id={id}
              type="password"
              autoComplete="off"
              data-autofocus
              data-testid="token-input"
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
            <p className="fine quiet">Kept in this tab only, and sent to this node only.</p>
          </div>
        </div>
        <footer className="dialog-foot">
          <button type="submit" className="button solid primary">
            Connect
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
