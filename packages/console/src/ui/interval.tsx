import type { Estimate } from '../wire.ts';

/**
 * An estimate on a scale: a dot at the mean, a bar over its 95 % interval, and a line at `zero` where one is given.
 * Decorative beside the figures, which stand next to it as text.
 *
 * @param scale - ends of the scale, in the estimate's unit; ends beyond it are cut.
 */
export function IntervalPlot(props: {
  estimate: Estimate;
  scale: readonly [number, number];
  zero?: number;
  tone?: string;
  colour?: string;
}) {
  const [from, to] = props.scale;
  const at = (value: number) => `${Math.min(100, Math.max(0, ((value - from) / (to - from)) * 100))}%`;
  const { mean, low, high } = props.estimate;
  const style = props.colour === undefined ? undefined : { '--plot': props.colour };
  return (
    <span className="interval" data-tone={props.tone} style={style as React.CSSProperties} aria-hidden="true">
      {props.zero !== undefined && <i className="interval-zero" style={{ left: at(props.zero) }} />}
      {low !== null && high !== null && (
        <i className="interval-bar" style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
      )}
      {mean !== null && <i className="interval-dot" style={{ left: at(mean) }} />}
    </span>
  );
}
