import { type KeyboardEvent, useRef } from 'react';
import { type Route, withQuery } from '../route.ts';
import { armColour } from '../select/arm-groups.ts';
import { clock, probability } from '../select/format.ts';
import { formatMetric } from '../select/metric.ts';
import { explored, lastWord, stratumWords } from '../select/why.ts';
import type { SeenDecision } from '../state/model.ts';
import { useSlice } from '../state/use.ts';
import { go } from '../state/use-route.ts';

/** What all rows share. */
interface Common {
  /** Id of the decision that is open, or ''. */
  readonly open: string;
  readonly route: Route;
  readonly withPoint: boolean;
}

/** The rows of the stream. Arrow keys (or j) move between them, and carry an open answer along. */
export function StreamRows(
  props: Common & { rows: readonly SeenDecision[]; onReading: (reading: boolean) => void },
) {
  const list = useRef<HTMLOListElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const next = buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
    if (props.open !== '') next.click();
  };
  return (
    <>
      <div className="stream-head" data-point={props.withPoint} aria-hidden="true">
        <span>Time</span>
        {props.withPoint && <span>Point</span>}
        <span>Arm</span>
        <span>Why</span>
        <span className="stream-word">Last word</span>
        <span className="right stream-p">Propensity</span>
        <span className="stream-node">Node</span>
        <span className="right">Reward</span>
      </div>
      <ol
        className="stream"
        ref={list}
        onKeyDown={onKeyDown}
        onFocus={(event) => props.onReading(event.target.matches(':focus-visible'))}
        onBlur={() => props.onReading(false)}
      >
        {props.rows.map((seen) => (
          <Row
            key={seen.decision.id}
            seen={seen}
            open={props.open}
            route={props.route}
            withPoint={props.withPoint}
          />
        ))}
      </ol>
    </>
  );
}

function Row({ seen, open, route, withPoint }: Common & { seen: SeenDecision }) {
  const { decision, outcome, node } = seen;
  const reports = useSlice((state) => state.reports[decision.point]);
  const isOpen = decision.id === open;
  const word = lastWord(decision);
  return (
    <li>
      <button
        type="button"
        className="stream-row"
        data-testid="decision-row"
        data-id={decision.id}
        data-arm={decision.arm ?? ''}
        data-reason={decision.reason}
        data-point={withPoint}
        aria-pressed={isOpen}
        title="Why did it choose this?"
        onClick={() => go(withQuery(route, { id: isOpen ? '' : decision.id }), true)}
      >
        <span className="num quiet">
          {clock(decision.atMs)}
          <span className="stream-ms">{clock(decision.atMs, true).slice(clock(decision.atMs).length)}</span>
        </span>
        {withPoint && <span className="clip">{decision.point}</span>}
        <span className="arm-name">
          <i className="swatch" style={{ background: armColour(reports?.merged.value, decision.arm) }} />
          <span className="clip">{decision.arm ?? 'none'}</span>
        </span>
        <WhyWord seen={seen} />
        <span className="stream-word clip quiet" title={word}>
          {word}
        </span>
        <span className="right num stream-p">
          {decision.propensity === null ? 'unknown' : probability(decision.propensity)}
        </span>
        <span className="stream-node clip quiet">{node}</span>
        <span className="right num">
          {outcome === null ? <span className="quiet">pending</span> : formatMetric('reward', outcome.reward)}
        </span>
      </button>
    </li>
  );
}

function WhyWord({ seen }: { seen: SeenDecision }) {
  const { reason, stratum } = seen.decision;
  const shown = explored(seen) ? 'explored' : reason;
  const word = reason === 'baseline' ? stratumWords(stratum) : shown.replace('_', ' ');
  return (
    <span className="reason clip" data-reason={shown}>
      {word}
    </span>
  );
}
