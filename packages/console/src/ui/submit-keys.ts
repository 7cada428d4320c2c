import type { KeyboardEvent } from 'react';

/** For a text of several lines: Ctrl and Enter, or the command key and Enter, submit its form. */
export function submitOnKeys(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
}
