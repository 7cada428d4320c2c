import { useMemo, useState } from 'react';
import { clock, number, percent } from '../select/format.ts';
import { lossSample, lossTrack } from '../select/validation.ts';
import type { Sample } from '../state/model.ts';
import { LossChart } from '../ui/loss-chart.tsx';
import type { PointReport, ValidationReport } from '../wire.ts';

const NONE: readonly Sample[] = [];

/** The loss of the last outcomes beside that of the reference, since this page began to watch: the API keeps no history. */
export function LossOverTime({
  report,
  validation,
  ...props
}: {
  report: PointReport;
  validation: ValidationReport;
  samples: readonly Sample[] | undefined;
}) {
  const samples = props.samples ?? NONE;
  const [cursor, setCursor] = useState<number | null>(null);
  const track = useMemo(() => lossTrack(samples), [samples]);
  const row = cursor !== null && (track.rows[cursor] ?? -1) >= 0 ? cursor : null;
  const now = lossSample(report);
  const learner = row === null ? (now?.learner ?? null) : track.learner[row];
  const reference = row === null ? (now?.reference ?? null) : track.reference[row];
  const name = validation.kind === 'binary' ? 'Brier score' : 'Squared error';
  const nothing = track.learner.every((loss) => loss === null);
  return (
    <figure className="validation-part track">
      <figcaption>
        <h3>{name} of the last outcomes</h3>
        <p className="track-head">
          <span className="quiet num">{row === null ? 'now' : clock(track.seconds[row] * 1000)}</span>
          <Key who="learner" title="learner" value={learner} />
          <Key who="reference" title="mean of each arm" value={reference} />
          {learner !== null && reference !== null && reference > 0 && (
            <span className="quiet num">skill {percent(1 - learner / reference)}</span>
          )}
          {track.spans.length > 0 && (
            <span className="track-key">
              <i className="swatch frozen-swatch" />
              <span>frozen</span>
            </span>
          )}
        </p>
      </figcaption>
      <LossChart
        track={track}
        height={300}
        label={`${name} of the learner of ${report.point} over time, beside that of the mean of each arm; lower is better. The figures of the moment stand above.`}
        format={(value) => number(value, 2)}
        onCursor={setCursor}
      />
      {nothing ? (
        <p className="chart-wait">Unknown: too few outcomes for a loss.</p>
      ) : (
        track.seconds.length < 3 && (
          <p className="chart-wait">Drawing starts now: the page keeps its own history.</p>
        )
      )}
      <p className="fine quiet">
        Lower is better. A loss lately has no interval: whether it is worse than chance would make it is what
        the test for decay says.
      </p>
    </figure>
  );
}

function Key(props: { who: 'learner' | 'reference'; title: string; value: number | null }) {
  return (
    <span className="track-key">
      <i className="line-swatch" data-who={props.who} />
      <span>{props.title}</span>
      <span className="num strong">{props.value === null ? 'unknown' : number(props.value)}</span>
    </span>
  );
}
