import { longestLeaseMs } from '../select/controls.ts';
import { count, duration, plural, rate, shortAge } from '../select/format.ts';
import { MODE_WORDS } from '../select/points.ts';
import {
  foldedRows,
  foldsAway,
  healthOf,
  isCutOff,
  leaseOf,
  syncAgeOf,
  type TreeRow,
  treeRows,
} from '../select/tree.ts';
import { useConsole, useNow, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { HealthMark, LeaseMark, Mark } from '../ui/marks.tsx';
import { Empty, Nothing } from '../ui/panel.tsx';
import type { NodeStatus } from '../wire.ts';

/** More rows than this are not drawn at once: the filter finds the rest. */
const ROWS = 300;

/** The tree of nodes. `full` adds what is too much beside other panels; `text` leaves only names that hold it. */
export function NodesTable({ full = false, text = '' }: { full?: boolean; text?: string }) {
  const nodes = useSlice((state) => state.nodes);
  const connection = useSlice((state) => state.connection);
  const now = useNow();
  const wanted = text.toLowerCase();
  const rows = treeRows(nodes).filter((row) => row.heard.value.node.toLowerCase().includes(wanted));
  const away = (row: TreeRow) => foldsAway(row.heard, connection, now);
  const shown = full ? rows.slice(0, ROWS) : foldedRows(rows, away);
  if (nodes.length === 0) return <Nothing>No node has been heard yet.</Nothing>;
  return (
    <div className="scroll">
      <table className="table nodes">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Health</th>
            <th scope="col">Lease</th>
            <th scope="col" className="right" title="Since the last word from the parent">
              Sync
            </th>
            <th scope="col" className="right">
              Decisions
            </th>
            {full && (
              <>
                <th scope="col" className="right">
                  Outcomes
                </th>
                <th scope="col" className="right" title="Smoothed round trip to the parent">
                  Round trip
                </th>
                <th scope="col">Points</th>
                <th scope="col">Storage</th>
                <th scope="col">Controls</th>
                <th scope="col">
                  <span className="hidden">Stop</span>
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) =>
            'count' in row ? (
              <tr key={`more/${row.parent}`} className="more-nodes">
                <td colSpan={full ? 11 : 5} style={{ '--depth': row.depth } as React.CSSProperties}>
                  {isCutOff(connection) ? (
                    <Mark tone="unknown" icon="unknown">
                      {plural(row.count, 'node')} more
                    </Mark>
                  ) : (
                    <Mark tone="ok" icon="check">
                      {plural(row.count, 'healthy node')} more
                    </Mark>
                  )}
                </td>
              </tr>
            ) : (
              <NodeRow key={row.heard.value.node} row={row} now={now} full={full} />
            ),
          )}
        </tbody>
      </table>
      {full && rows.length > ROWS && <Empty>And {rows.length - ROWS} more: narrow the search.</Empty>}
      {rows.length === 0 && <Empty>No node has “{text}” in its name.</Empty>}
    </div>
  );
}

function NodeRow({ row, now, full }: { row: TreeRow; now: number; full: boolean }) {
  const connection = useSlice((state) => state.connection);
  const points = useSlice((state) => state.points);
  const wholeMs = longestLeaseMs(points.map((entry) => entry.spec));
  const status = row.heard.value;
  const health = healthOf(row.heard, connection, now);
  const syncMs = syncAgeOf(row.heard, now);
  return (
    <tr data-health={health.state} data-testid="node-row">
      <th scope="row" className="node-cell">
        <span className="node-name" style={{ '--depth': row.depth } as React.CSSProperties}>
          {row.depth > 0 && <Rails rails={row.rails} last={row.last} />}
          <Icon name={status.tier} />
          <span className="node-words">
            <span className="node-title">
              <span className="clip" title={status.node}>
                {status.node}
              </span>
              <small className="quiet">{status.tier}</small>
            </span>
            {health.why.length > 0 && <small className="node-why">{health.why.join(' ')}</small>}
          </span>
        </span>
      </th>
      <td>
        <HealthMark health={health} />
      </td>
      <td>
        <LeaseMark lease={leaseOf(row.heard, connection, now)} wholeMs={wholeMs} />
      </td>
      <td className="right num" data-late={syncMs !== null && syncMs > 5_000}>
        {syncMs === null ? <span className="quiet">root</span> : shortAge(syncMs)}
      </td>
      <td className="right num">{rate(status.decisionsPerSecond)}</td>
      {full && <FurtherCells status={status} />}
    </tr>
  );
}

/** What is too much beside other panels. */
function FurtherCells({ status }: { status: NodeStatus }) {
  const { openKill } = useConsole();
  return (
    <>
      <td className="right num">{count(status.outcomes)}</td>
      <td className="right num">
        {status.parentRttMs === null ? <span className="quiet">root</span> : duration(status.parentRttMs)}
      </td>
      <td>
        <NodePoints status={status} />
      </td>
      <td>
        {status.storage === 'durable' ? (
          <span className="quiet">durable</span>
        ) : (
          <Mark tone={status.storage === 'failing' ? 'stop' : 'warn'} icon="warn">
            {status.storage === 'failing' ? 'failing' : 'memory only'}
          </Mark>
        )}
      </td>
      <td>
        <NodeControls status={status} />
      </td>
      <td className="right">
        <button
          type="button"
          className="button ghost small"
          aria-label={`Kill on ${status.node}`}
          onClick={() => openKill(`node:${status.node}`)}
        >
          <Icon name="stop" size={12} /> Kill…
        </button>
      </td>
    </>
  );
}

/** Whether its controls are in step, whom it has quarantined, and how much evidence it has refused. */
function NodeControls({ status }: { status: NodeStatus }) {
  const root = useSlice((state) => state.nodes[0]?.value);
  const refused = Object.values(status.refused).reduce((sum, n) => sum + n, 0);
  return (
    <>
      <ControlsMark status={status} root={root} />
      {status.quarantined.length > 0 && (
        <Mark tone="warn" icon="warn">
          quarantined: {status.quarantined.join(', ')}
        </Mark>
      )}
      {refused > 0 && (
        <small className="quiet" title={JSON.stringify(status.refused)}>
          {count(refused)} refused
        </small>
      )}
    </>
  );
}

/** Whether a node has durably applied the same controls as the one that answers. */
function ControlsMark({ status, root }: { status: NodeStatus; root: NodeStatus | undefined }) {
  const same = root === undefined || status.controlVersion === root.controlVersion;
  return same ? (
    <span className="quiet nowrap" title={`Version ${status.controlVersion}`}>
      in step
    </span>
  ) : (
    <Mark
      tone="warn"
      icon="waiting"
      title={`Version ${status.controlVersion} instead of ${root.controlVersion}`}
    >
      behind
    </Mark>
  );
}

/** In which modes a node's points are; those that do not learn by name. */
function NodePoints({ status }: { status: NodeStatus }) {
  const learning = status.points.filter((point) => point.mode === 'learning').length;
  const others = status.points.filter((point) => point.mode !== 'learning');
  return (
    <span className="node-points">
      {(learning > 0 || others.length === 0) && <span className="quiet">{learning} learning</span>}
      {others.map(({ point, mode }) => (
        <Mark
          key={point}
          tone={mode === 'killed' ? 'stop' : 'warn'}
          icon={mode === 'killed' ? 'stop' : 'lease'}
        >
          {point}: {MODE_WORDS[mode].title.toLowerCase()}
        </Mark>
      ))}
    </span>
  );
}

/** The lines that show whose child a node is. */
function Rails({ rails, last }: { rails: readonly boolean[]; last: boolean }) {
  return (
    <span className="rails" aria-hidden="true">
      {rails.map((on, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rail is its level
        <i key={i} className={on ? 'rail' : ''} />
      ))}
      <i className={last ? 'rail elbow last' : 'rail elbow'} />
    </span>
  );
}
