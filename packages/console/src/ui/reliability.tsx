import type { KeyboardEvent } from 'react';
import { placeOn, ticksOf } from '../select/scale.ts';

/** A bin of predictions: what was predicted, what came with its interval, and of how many. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly n: number;
  readonly predicted: number;
  readonly observed: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly verdict: 'within' | 'off' | 'unknown';
  /** All of it in words. */
  readonly words: string;
}

/**
 * Predicted against seen, with intervals: on the diagonal a prediction came true on average. Below it how many outcomes each
 * bin stands on. Bins are walked with the arrow keys.
 */
export function Reliability(props: {
  bins: readonly ReliabilityBin[];
  /** Of both axes. */
  scale: readonly [number, number];
  format: (value: number) => string;
  label: string;
  chosen: number;
  onChoose: (bin: number) => void;
}) {
  const { bins, scale, chosen, format } = props;
  const at = (value: number) => `${placeOn(value, scale)}%`;
  const ticks = ticksOf(scale[0], scale[1], 5);
  const most = Math.max(...bins.map(({ n }) => n), 1);
  return (
    <div className="reliability">
      <div className="reliability-y num" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ bottom: at(tick) }}>
            {format(tick)}
          </span>
        ))}
      </div>
      <fieldset className="reliability-plot" onKeyDown={walk}>
        <legend className="hidden">{props.label}</legend>
        {ticks.map((tick) => (
          <i key={`x${tick}`} className="reliability-grid" style={{ left: at(tick) }} data-axis="x" />
        ))}
        {ticks.map((tick) => (
          <i key={`y${tick}`} className="reliability-grid" style={{ bottom: at(tick) }} data-axis="y" />
        ))}
        <svg className="reliability-even" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 100 100 0" vectorEffect="non-scaling-stroke" />
        </svg>
        {bins.map((bin, i) => (
          <Dot
            key={bin.from}
            bin={bin}
            scale={scale}
            share={bin.n / most}
            chosen={i === chosen}
            onChoose={() => props.onChoose(i)}
          />
        ))}
      </fieldset>
      <div className="reliability-counts" aria-hidden="true">
        {bins.map(({ from, to, n }, i) => (
          <i
            key={from}
            data-chosen={i === chosen}
            style={{
              left: at(from),
              right: `calc(100% - ${at(to)})`,
              height: `${Math.max(0.04, n / most) * 100}%`,
            }}
          />
        ))}
      </div>
      <div className="reliability-x num" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: at(tick) }}>
            {format(tick)}
          </span>
        ))}
      </div>
    </div>
  );
}

/** A bin's place, of a size that grows with its share of the most outcomes, and its interval. */
function Dot(props: {
  bin: ReliabilityBin;
  scale: readonly [number, number];
  share: number;
  chosen: boolean;
  onChoose: () => void;
}) {
  const { bin, scale, chosen, onChoose } = props;
  const at = (value: number) => `${placeOn(value, scale)}%`;
  return (
    <span data-verdict={bin.verdict} data-chosen={chosen}>
      {bin.low !== null && bin.high !== null && (
        <i
          className="reliability-bar"
          style={{
            left: at(bin.predicted),
            bottom: at(bin.low),
            height: `${placeOn(bin.high, scale) - placeOn(bin.low, scale)}%`,
          }}
        />
      )}
      <button
        type="button"
        className="reliability-dot"
        // One stop of the tab key for all: the arrows go from bin to bin.
        tabIndex={chosen ? 0 : -1}
        aria-label={bin.words}
        aria-pressed={chosen}
        style={{ left: at(bin.predicted), bottom: at(bin.observed), ...sizeOf(props.share) }}
        onFocus={onChoose}
        onClick={onChoose}
        onMouseEnter={onChoose}
      />
    </span>
  );
}

/** The area grows with the count. */
function sizeOf(share: number): { width: number; height: number } {
  const size = Math.round(9 + 9 * Math.sqrt(share));
  return { width: size, height: size };
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const dots = [...event.currentTarget.querySelectorAll('button')];
  const here = dots.indexOf(document.activeElement as HTMLButtonElement);
  dots[Math.min(dots.length - 1, Math.max(0, here + step))]?.focus();
}
