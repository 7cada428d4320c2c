import type uPlot from 'uplot';
import type { Css } from './plot.ts';

/** A stretch to be marked over the chart, seconds since the epoch. */
export interface ChartSpan {
  readonly from: number;
  readonly to: number;
  readonly mode: string;
}

/**
 * Stretches in which the policy did not decide, or not learn: hatched, with a ribbon on top.
 *
 * @param tinted - over an empty ground, where a hatch alone would not be seen.
 */
export function drawSpans(u: uPlot, spans: readonly ChartSpan[], css: Css, tinted = false): void {
  const { ctx, bbox } = u;
  for (const span of spans) {
    const left = Math.max(bbox.left, u.valToPos(span.from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(span.to, 'x', true));
    if (right < bbox.left) continue;
    const width = Math.max(right - left, 2 * devicePixelRatio);
    const colour = css(
      span.mode === 'killed' ? '--stop-solid' : span.mode === 'overridden' ? '--info' : '--warn-solid',
    );
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, width, bbox.height);
    ctx.clip();
    if (tinted) {
      ctx.globalAlpha = 0.2;
      ctx.fillStyle = colour;
      ctx.fillRect(left, bbox.top, width, bbox.height);
    }
    ctx.globalAlpha = 0.38;
    ctx.strokeStyle = css('--panel');
    ctx.lineWidth = 2 * devicePixelRatio;
    const step = 8 * devicePixelRatio;
    // Anchored to the time axis, so that the hatching travels with the data.
    for (let x = left - bbox.height; x < left + width; x += step) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fillRect(left, bbox.top, width, 4 * devicePixelRatio);
    ctx.restore();
  }
}
