import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Icon } from './icon.tsx';

/**
 * A modal dialog on the browser's own `<dialog>`: it traps the focus, makes the rest inert, closes on Esc and gives
 * the focus back. Rendered only while open.
 */
export function Dialog(props: {
  title: string;
  /** Under the title, one sentence. */
  lead?: ReactNode;
  /** Without it the dialog cannot be dismissed. */
  onClose?: () => void;
  children: ReactNode;
  tone?: 'stop' | 'plain';
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    // The browser would choose the first button; a dialog may know better.
    dialog.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      data-tone={props.tone ?? 'plain'}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose?.();
      }}
    >
      <header className="dialog-head">
        <div>
          <h2 id={title}>{props.title}</h2>
          {props.lead !== undefined && <p className="quiet">{props.lead}</p>}
        </div>
        {props.onClose !== undefined && (
          <button type="button" className="button ghost square" onClick={props.onClose} aria-label="Close">
            <Icon name="close" />
          </button>
        )}
      </header>
      {props.children}
    </dialog>
  );
}
