import { useState } from 'react';
import { count, number, percent } from '../select/format.ts';
import { type BinVerdict, binVerdict, calibrationScale } from '../select/validation.ts';
import type { IconName } from '../ui/icon.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Reliability, type ReliabilityBin } from '../ui/reliability.tsx';
import type { CalibrationBin, ValidationReport } from '../wire.ts';

type Report = ValidationReport['calibration'];

const VERDICTS: Readonly<Record<Report['verdict'], { tone: Tone; icon: IconName; words: string }>> = {
  sound: { tone: 'ok', icon: 'check', words: 'within tolerance' },
  off: { tone: 'stop', icon: 'warn', words: 'off: what comes is not what was predicted' },
  unknown: { tone: 'unknown', icon: 'unknown', words: 'unknown: fewer than 100' },
};
const WORDS: Readonly<Record<BinVerdict, string>> = {
  within: 'as predicted',
  off: 'off',
  unknown: 'unknown: too few outcomes',
};

/**
 * Reliability: of what was predicted to come with 70 %, did 70 % come?
 *
 * @param width - of the declared range of the reward.
 */
export function Calibration({ calibration, width }: { calibration: Report; width: number }) {
  const { bins, verdict, n } = calibration;
  const [wanted, setWanted] = useState<number | null>(null);
  const { tone, icon, words } = VERDICTS[verdict];
  const shown = bins.map((bin) => plotBin(bin, width));
  const found = bins.findIndex(({ from }) => from === wanted);
  const chosen = found >= 0 ? found : mostTelling(shown);
  return (
    <figure className="validation-part">
      <figcaption>
        <h3>Predicted and seen</h3>
        <p className="track-head">
          <span data-testid="calibration-verdict">
            <Mark tone={tone} icon={icon}>
              {words}
            </Mark>
          </span>
          <span className="quiet num">{count(n)} outcomes since it was warm</span>
        </p>
      </figcaption>
      {shown.length === 0 ? (
        <p className="empty">Unknown: no prediction has been judged since the learner was warm.</p>
      ) : (
        <>
          <Reliability
            bins={shown}
            scale={calibrationScale(bins)}
            format={(value) => number(value, 2)}
            label="Predicted reward and the reward seen, by bins of the prediction"
            chosen={chosen}
            onChoose={(i) => setWanted(bins[i].from)}
          />
          <p className="reliability-words num" data-verdict={shown[chosen].verdict}>
            {shown[chosen].words}
          </p>
          <AsTable bins={shown} />
        </>
      )}
    </figure>
  );
}

function plotBin(bin: CalibrationBin, width: number): ReliabilityBin {
  const verdict = binVerdict(bin, width);
  return {
    ...bin,
    verdict,
    words: `Predicted ${number(bin.predicted)}, seen ${number(bin.observed)} (${intervalOf(bin)}) of ${count(bin.n)}: ${WORDS[verdict]}`,
  };
}

/** Until somebody chooses: of the bins that are off, else of all, the one with the most outcomes. */
function mostTelling(bins: readonly ReliabilityBin[]): number {
  const rank = ({ verdict, n }: ReliabilityBin) => (verdict === 'off' ? 1e18 : 0) + n;
  return bins.reduce((best, bin, i) => (rank(bin) > rank(bins[best]) ? i : best), 0);
}

const intervalOf = ({ low, high }: Pick<CalibrationBin, 'low' | 'high'>): string =>
  low === null || high === null ? 'interval unknown' : `${number(low)} to ${number(high)}`;

/** The plot's data for those who cannot see it, or want the figures. */
function AsTable({ bins }: { bins: readonly ReliabilityBin[] }) {
  const total = bins.reduce((sum, { n }) => sum + n, 0);
  return (
    <details className="as-table flush">
      <summary>As a table</summary>
      <div className="scroll">
        <table className="table compact">
          <thead>
            <tr>
              <th scope="col">Predicted</th>
              <th scope="col">Seen, always-valid 95 % over all bins</th>
              <th scope="col" className="right">
                Outcomes
              </th>
              <th scope="col" className="right">
                Share
              </th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          <tbody>
            {bins.map((bin) => (
              <tr key={bin.from}>
                <th scope="row" className="num">
                  {number(bin.predicted)}
                </th>
                <td className="num">
                  {number(bin.observed)} <span className="quiet">{intervalOf(bin)}</span>
                </td>
                <td className="right num">{count(bin.n)}</td>
                <td className="right num">{percent(bin.n / total)}</td>
                <td>{WORDS[bin.verdict]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
