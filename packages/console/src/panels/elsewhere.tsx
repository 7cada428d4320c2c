import { MODE_WORDS, type ShownMode } from '../select/points.ts';
import { Mark } from '../ui/marks.tsx';
import type { PointMode } from '../wire.ts';

/** Nodes on which a point is in another mode than the tree as a whole; nothing where there are none. */
export function Elsewhere({ mode }: { mode: ShownMode }) {
  if (mode.elsewhere.length === 0) return null;
  const modes = [...new Set(mode.elsewhere.map((one) => one.mode))];
  const nodesIn = (other: PointMode) =>
    mode.elsewhere.filter((one) => one.mode === other).map((one) => one.node);
  return (
    <p className="elsewhere">
      {modes.map((other) => (
        <Mark key={other} tone={other === 'learning' ? 'plain' : 'warn'} icon="nodes">
          {MODE_WORDS[other].title} on {nodesIn(other).join(', ')}
        </Mark>
      ))}
    </p>
  );
}
