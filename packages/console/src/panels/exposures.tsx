import { count, percent } from '../select/format.ts';
import { Panel } from '../ui/panel.tsx';
import type { ExperimentReport } from '../wire.ts';
import { variantColour } from './experiments-page.tsx';

/** Who was assigned what, and how many of them count: the declared share is the mark on each bar. */
export function Exposures({ report }: { report: ExperimentReport }) {
  const total = report.variants.reduce((sum, each) => sum + each.counted, 0);
  const top = Math.max(
    ...report.variants.map((each) => Math.max(each.share ?? 0, total === 0 ? 0 : each.counted / total)),
    1e-9,
  );
  return (
    <Panel title="Exposures" flush>
      <div className="scroll">
        <table className="table exposures">
          <thead>
            <tr>
              <th scope="col">Variant</th>
              <th scope="col">Share of what counts</th>
              <th scope="col" className="right">
                Declared
              </th>
              <th scope="col" className="right">
                Closed
              </th>
              <th scope="col" className="right">
                Counted
              </th>
            </tr>
          </thead>
          <tbody>
            {report.variants.map((variant, i) => {
              const share = total === 0 ? null : variant.counted / total;
              return (
                <tr key={variant.variant}>
                  <th scope="row">
                    <span className="arm-name">
                      <i className="swatch" style={{ background: variantColour(i) }} />
                      {variant.variant}
                      {variant.control && <span className="tag">control</span>}
                    </span>
                  </th>
                  <td>
                    <span className="exposure">
                      <span className="exposure-bar" aria-hidden="true">
                        <i
                          style={{ width: `${((share ?? 0) / top) * 100}%`, background: variantColour(i) }}
                        />
                        {variant.share !== null && <b style={{ left: `${(variant.share / top) * 100}%` }} />}
                      </span>
                      <span className="num strong">{percent(share)}</span>
                    </span>
                  </td>
                  <td className="right num quiet">
                    {variant.share === null ? 'drawn' : percent(variant.share)}
                  </td>
                  <td className="right num">{count(variant.closed)}</td>
                  <td className="right num">{count(variant.counted)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
