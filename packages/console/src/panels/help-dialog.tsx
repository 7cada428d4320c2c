import type { Shortcut } from '../keys.ts';
import { Dialog } from '../ui/dialog.tsx';

/** All shortcuts. */
export function HelpDialog({ shortcuts, onClose }: { shortcuts: readonly Shortcut[]; onClose: () => void }) {
  const fixed = [
    { keys: '↑ ↓', title: 'Move in the stream, once in it' },
    { keys: 'Enter', title: 'Why did it choose this?' },
    { keys: 'Esc', title: 'Close what is open' },
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="shortcuts">
        {[...shortcuts, ...fixed].map((one) => (
          <div key={one.keys}>
            <dt>
              {one.keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{one.title}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
