import { ackWords, foldedAcks } from '../select/controls.ts';
import { clock, duration, plural, wholeDuration } from '../select/format.ts';
import { useNow } from '../state/use.ts';
import { Mark } from '../ui/marks.tsx';
import type { Acknowledgement, KillStatus } from '../wire.ts';

/** How far a kill has got, node by node. Acknowledged, stopped by lease and unbounded stay apart. */
export function Acks({ kill }: { kill: KillStatus }) {
  const now = useNow();
  const { rows, folded } = foldedAcks(kill.acknowledgements);
  // Kills are stamped by the wall clock of the node that took them; the bound is read against this page's own.
  const leftMs = kill.boundMs === null ? null : kill.boundMs - (performance.timeOrigin + now);
  return (
    <div className="acks">
      <p className="acks-sum" role="status">
        {ackWords(kill)}.
      </p>
      <table className="table compact">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">State</th>
            <th scope="col" className="right">
              After
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((ack) => (
            <tr key={ack.node} data-testid="ack-row" data-node={ack.node} data-state={ack.state}>
              <th scope="row">{ack.node}</th>
              <td>
                <AckMark ack={ack} leftMs={leftMs} boundMs={kill.boundMs} />
              </td>
              <td className="right num">{ack.afterMs === null ? '' : duration(ack.afterMs)}</td>
            </tr>
          ))}
          {folded.length > 0 && (
            <tr>
              <th scope="row">{plural(folded.length, 'node')} more</th>
              <td>
                <Mark tone="ok" icon="check">
                  Acknowledged
                </Mark>
              </td>
              <td className="right num">
                {duration(Math.max(...folded.map(({ afterMs }) => afterMs ?? 0)))}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function AckMark(props: { ack: Acknowledgement; leftMs: number | null; boundMs: number | null }) {
  switch (props.ack.state) {
    case 'acknowledged':
      return (
        <Mark tone="ok" icon="check">
          Acknowledged
        </Mark>
      );
    case 'lease_expired':
      return (
        <Mark tone="warn" icon="lease">
          Not heard; its lease ran out{props.boundMs === null ? '' : ` by ${clock(props.boundMs)}`}
        </Mark>
      );
    case 'unbounded':
      return (
        <Mark tone="stop" icon="unbounded">
          Not heard, and nothing bounds it
        </Mark>
      );
    case 'unknown':
      return (
        <Mark tone="unknown" icon="waiting">
          Unknown: not seen since a restart
        </Mark>
      );
    case 'waiting':
      return (
        <Mark tone="unknown" icon="waiting">
          {props.leftMs !== null && props.leftMs > 0
            ? `Waiting; stops by itself within ${wholeDuration(props.leftMs)}`
            : 'Waiting'}
        </Mark>
      );
  }
}
