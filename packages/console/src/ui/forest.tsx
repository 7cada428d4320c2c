import type { ReactNode } from 'react';
import { placeOn, ticksOf } from '../select/scale.ts';
import type { Tone } from './marks.tsx';

/** A row of a forest plot. */
export interface ForestRow {
  readonly key: string;
  /** To the left: what it is. */
  readonly name: ReactNode;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly tone: Tone;
  /** To the right: the figures, as text. */
  readonly figures: ReactNode;
  /** Instead of a bar, where there is nothing to draw. */
  readonly instead?: ReactNode;
  /** Set apart from the others: what they stand beside. */
  readonly quiet?: boolean;
}

/** Estimates with their intervals one under another, on one scale, with its axis below and a line at `zero`. */
export function Forest(props: {
  rows: readonly ForestRow[];
  scale: readonly [number, number];
  /** Where the line stands that the intervals are read against; null: none. */
  zero: number | null;
  /** From here to the end of the scale it is harm; `below` or above. */
  harm?: { readonly at: number; readonly below: boolean } | null;
  format: (value: number) => string;
  label: string;
  /** Shaded behind all rows, such as the interval of what they are compared with. */
  band?: readonly [number, number] | null;
}) {
  const { rows, scale, zero, harm, band } = props;
  const ticks = ticksOf(scale[0], scale[1], 5);
  const at = (value: number) => `${placeOn(value, scale)}%`;
  return (
    <ul className="forest" aria-label={props.label}>
      {rows.map((row) => (
        <li key={row.key} className="forest-row" data-tone={row.tone} data-quiet={row.quiet}>
          <div className="forest-name">{row.name}</div>
          <div className="forest-track" aria-hidden="true">
            {ticks.map((tick) => (
              <i key={tick} className="forest-grid" style={{ left: at(tick) }} />
            ))}
            {harm != null && <Harm at={at(harm.at)} below={harm.below} />}
            {band != null && (
              <i
                className="forest-band"
                style={{ left: at(band[0]), right: `calc(100% - ${at(band[1])})` }}
              />
            )}
            {zero !== null && <i className="forest-zero" style={{ left: at(zero) }} />}
            {row.low !== null && row.high !== null && (
              <i
                className="forest-bar"
                style={{ left: at(row.low), right: `calc(100% - ${at(row.high)})` }}
              />
            )}
            {row.mean !== null && <i className="forest-dot" style={{ left: at(row.mean) }} />}
            {row.instead !== undefined && <span className="forest-instead">{row.instead}</span>}
          </div>
          <div className="forest-figures num">{row.figures}</div>
        </li>
      ))}
      <li className="forest-row forest-axis" aria-hidden="true">
        <div className="forest-name" />
        <div className="forest-track">
          {ticks.map((tick) => (
            <span key={tick} className="num" style={{ left: at(tick) }}>
              {props.format(tick)}
            </span>
          ))}
        </div>
        <div className="forest-figures" />
      </li>
    </ul>
  );
}

function Harm({ at, below }: { at: string; below: boolean }) {
  return (
    <i
      className="forest-harm"
      style={below ? { left: 0, right: `calc(100% - ${at})` } : { left: at, right: 0 }}
    />
  );
}
