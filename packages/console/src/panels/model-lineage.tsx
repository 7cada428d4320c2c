import { percent } from '../select/format.ts';
import { lineageOf } from '../select/models.ts';
import type { ModelStatus } from '../wire.ts';

/** Size of a version's box and the room about it, CSS pixels. */
const BOX = { width: 132, height: 50, right: 56, below: 14 };

/** Versions from left to right in generations, with a line from each to what was made from it. */
export function Lineage({ versions }: { versions: ModelStatus['versions'] }) {
  const { placed, columns, rows, edges } = lineageOf(versions);
  const x = (column: number) => column * (BOX.width + BOX.right);
  const y = (row: number) => row * (BOX.height + BOX.below);
  const width = x(columns) - BOX.right;
  const height = y(rows) - BOX.below;
  return (
    <div className="scroll">
      <div className="lineage" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {edges.map(([p, c]) => {
            const from = { x: x(placed[p].column) + BOX.width, y: y(placed[p].row) + BOX.height / 2 };
            const to = { x: x(placed[c].column), y: y(placed[c].row) + BOX.height / 2 };
            const middle = (from.x + to.x) / 2;
            return (
              <path
                key={`${p}-${c}`}
                d={`M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`}
              />
            );
          })}
        </svg>
        <ol>
          {placed.map(({ version: v, column, row }) => (
            <li
              key={v.version}
              className="lineage-box"
              data-stage={v.stage}
              data-stopped={v.stopped}
              style={{ left: x(column), top: y(row), width: BOX.width, height: BOX.height }}
              title={v.parents.length === 0 ? v.reason : `from ${v.parents.join(', ')}; ${v.reason}`}
            >
              <b className="clip">{v.version}</b>
              <small>
                {v.stopped ? 'stopped' : v.stage}
                {v.stage === 'challenger' && !v.stopped && ` ${percent(v.traffic)}`}
              </small>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
