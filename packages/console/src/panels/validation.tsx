import { count, number, percent } from '../select/format.ts';
import { causesOf, isLossKnown, type LearnerStanding, rangeWidth, standingOf } from '../select/validation.ts';
import type { Sample } from '../state/model.ts';
import { type Fact, Facts } from '../ui/facts.tsx';
import type { IconName } from '../ui/icon.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { PointReport, ValidationReport } from '../wire.ts';
import { Calibration } from './calibration.tsx';
import { LossOverTime } from './loss-over-time.tsx';

const STANDINGS: Readonly<Record<LearnerStanding, { tone: Tone; icon: IconName; words: string }>> = {
  frozen: { tone: 'warn', icon: 'frozen', words: 'frozen: decay was found' },
  decays: { tone: 'warn', icon: 'warn', words: 'decay was found' },
  off: { tone: 'stop', icon: 'warn', words: 'its predictions are off' },
  unproven: { tone: 'warn', icon: 'warn', words: 'never as good as the mean of each arm' },
  unknown: { tone: 'unknown', icon: 'unknown', words: 'unknown: too few outcomes' },
  sound: { tone: 'ok', icon: 'check', words: 'no decay found, predictions come true' },
};

/** How well the learner predicts what it has not learned yet, whether that holds, and who caused what it learns from. */
export function Validation({
  report,
  samples,
}: {
  report: PointReport;
  samples: readonly Sample[] | undefined;
}) {
  const { validation } = report;
  if (validation === undefined) return <Training report={report} />;
  const { tone, icon, words } = STANDINGS[standingOf(validation)];
  return (
    <Panel
      title="Validation"
      flush
      aside={
        <span data-testid="validation-standing">
          <Mark tone={tone} icon={icon}>
            {words}
          </Mark>
        </span>
      }
    >
      <Facts facts={factsOf(validation)} className="counters inset" />
      <div className="validation-grid">
        <LossOverTime key={report.node} report={report} validation={validation} samples={samples} />
        <Calibration calibration={validation.calibration} width={rangeWidth(report.spec)} />
      </div>
      <Causes report={report} />
    </Panel>
  );
}

/** Of a point that holds outcomes back and is not validated. */
function Training({ report }: { report: PointReport }) {
  if (report.training === undefined) return null;
  return (
    <Panel title="What is learned from" flush>
      <Causes report={report} />
    </Panel>
  );
}

const known = (value: number | null, written: (value: number) => string = number): string =>
  value === null ? 'unknown' : written(value);

function factsOf(validation: ValidationReport): readonly Fact[] {
  const { judged, kind, loss, calibration, decay } = validation;
  const mean = (value: number | null) => known(isLossKnown(validation) ? value : null);
  const facts: Fact[] = [
    ['Predicted', count(judged), 'outcomes, before they were learned'],
    [
      kind === 'binary' ? 'Brier score' : 'Squared error',
      mean(loss.squared),
      `mean of each arm ${mean(loss.reference)}; all outcomes`,
    ],
    [
      'Skill',
      known(isLossKnown(validation) ? loss.skill : null, percent),
      'above 0 it knows more than that mean',
    ],
  ];
  if (loss.log !== null)
    facts.push(['Log loss', mean(loss.log), `mean of each arm ${mean(loss.referenceLog)}`]);
  facts.push(
    [
      'Off by',
      calibration.verdict === 'unknown' ? 'unknown' : known(calibration.ece, percent),
      `of the range; chance alone ${known(calibration.eceByChance, percent)}`,
    ],
    [
      'Test for decay',
      decay.armed ? `e ${number(decay.e)}` : 'not begun',
      decay.armed ? `decay is found at ${number(decay.threshold)}` : 'waits until it is as good as that mean',
    ],
  );
  return facts;
}

const BECOME: Readonly<Record<NonNullable<PointReport['training']>['selfCaused'], string>> = {
  include: 'train like all others',
  holdBack: 'are held back: they never train',
  delay: 'train later',
  weight: 'train with less weight',
};

/** What share of the outcomes the learner's own choice caused, and what becomes of them. */
function Causes({ report }: { report: PointReport }) {
  const causes = causesOf(report);
  if (causes === undefined) return null;
  const { caused, others, share } = causes;
  const { training } = report;
  return (
    <section className="causes" aria-label="Who caused the outcomes" data-testid="causes">
      <h3>Who caused the outcomes</h3>
      <span className="causes-bar" aria-hidden="true">
        {caused > 0 && <i data-who="learner" style={{ flexGrow: caused }} />}
        {others > 0 && <i data-who="others" style={{ flexGrow: others }} />}
      </span>
      {share === null ? (
        <Mark tone="unknown" icon="unknown">
          unknown: no outcome yet
        </Mark>
      ) : (
        <ul className="causes-key">
          <li>
            <i className="swatch" data-who="learner" />
            <b className="num">{percent(share)}</b> the learner’s own choice{' '}
            <span className="quiet num">{count(caused)}</span>
          </li>
          <li>
            <i className="swatch" data-who="others" />
            <b className="num">{percent(1 - share)}</b> holdout, baseline, exploration, other systems{' '}
            <span className="quiet num">{count(others)}</span>
          </li>
        </ul>
      )}
      {training !== undefined && (
        <p className="fine quiet">
          Self-caused outcomes {BECOME[training.selfCaused]}.
          {training.heldBack > 0 && <> {count(training.heldBack)} were held back.</>}
          {training.frozen > 0 && <> {count(training.frozen)} came while frozen and are not learned.</>}
        </p>
      )}
    </section>
  );
}
