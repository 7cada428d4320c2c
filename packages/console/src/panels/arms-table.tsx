import { armColour } from '../select/arm-groups.ts';
import { hasAllocation, rewardScale, sharesNow } from '../select/arms.ts';
import { count, percent } from '../select/format.ts';
import { formatInterval, formatMetric } from '../select/metric.ts';
import { fallbackWords } from '../select/points.ts';
import type { Sample } from '../state/model.ts';
import { IntervalPlot } from '../ui/interval.tsx';
import type { PointReport } from '../wire.ts';

/** Every arm: what it gets, what it is worth with its interval, and how it fares. */
export function ArmsTable({
  report,
  samples,
}: {
  report: PointReport;
  samples: readonly Sample[] | undefined;
}) {
  const scale = rewardScale(report.arms);
  const shares = sharesNow(report, samples ?? []);
  const allocated = hasAllocation(report);
  return (
    <div className="scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Arm</th>
            <th scope="col" className="right">
              Served
            </th>
            {allocated && (
              <th
                scope="col"
                className="right"
                title="What a treated unit would get right now, before guards"
              >
                Policy
              </th>
            )}
            <th scope="col">Reward, 95 % interval</th>
            <th scope="col" className="right">
              Outcomes
            </th>
            <th scope="col" className="right">
              In flight
            </th>
            <th scope="col" className="right">
              Failures
            </th>
          </tr>
        </thead>
        <tbody>
          {report.arms.map((arm, i) => (
            <ArmRow
              key={arm.arm}
              arm={arm}
              report={report}
              share={shares[i]}
              allocated={allocated}
              scale={scale}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ArmRow(props: {
  arm: PointReport['arms'][number];
  report: PointReport;
  share: number | null;
  /** Whether the policy's share is shown beside. */
  allocated: boolean;
  scale: readonly [number, number];
}) {
  const { arm, report, share, allocated, scale } = props;
  const colour = armColour(report, arm.arm);
  return (
    <tr>
      <th scope="row">
        <span className="arm-name">
          <i className="swatch" style={{ background: colour }} />
          {arm.arm}
          {fallbackWords(report.spec) === arm.arm && <span className="tag">fallback</span>}
        </span>
      </th>
      <td className="right num strong">{percent(share)}</td>
      {allocated && <td className="right num">{percent(arm.allocation)}</td>}
      <td>
        <span className="estimate">
          <IntervalPlot estimate={arm.reward} scale={scale} colour={colour} />
          <span className="num">
            <span className="strong">{formatMetric('reward', arm.reward.mean)}</span>{' '}
            <span className="quiet">{formatInterval('reward', arm.reward)}</span>
          </span>
        </span>
      </td>
      <td className="right num">{count(arm.reward.n)}</td>
      <td className="right num">{count(arm.inflight)}</td>
      <td className="right num">{count(arm.failures)}</td>
    </tr>
  );
}
