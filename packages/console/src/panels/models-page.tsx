import { useEffect, useId, useState } from 'react';
import { type Route, routeHash, withQuery } from '../route.ts';
import { count, duration, percent, plural } from '../select/format.ts';
import { formatInterval, formatMetric } from '../select/metric.ts';
import { armsByPoint, rollbackTo, trafficOf } from '../select/models.ts';
import { useConsole, useNow } from '../state/use.ts';
import { go } from '../state/use-route.ts';
import { Forest } from '../ui/forest.tsx';
import { Icon } from '../ui/icon.tsx';
import { Empty, Panel } from '../ui/panel.tsx';
import type { ArmReport, ModelAnswer, ModelStatus } from '../wire.ts';
import { PromoteDialog, RollbackDialog } from './model-dialogs.tsx';
import { Lineage } from './model-lineage.tsx';
import { Versions } from './model-versions.tsx';

/** What is asked for again this often, ms. */
const EVERY_MS = 3_000;

type Open = { readonly kind: 'rollback' } | { readonly kind: 'promote'; readonly version: string } | null;

/** Versions of models: lineage, who gets the traffic, what each is worth, and the way forward and back. */
export function ModelsPage({ route }: { route: Route }) {
  const [models, again] = useModels();
  const [open, setOpen] = useState<Open>(null);
  const chosen = models?.find(({ model }) => model === route.query.model) ?? models?.[0];
  const answer = useModel(chosen);
  if (models === null) return <Empty>Loading…</Empty>;
  if (chosen === undefined)
    return (
      <Panel title="Models">
        <Empty>
          No model is registered. <code>ganglion model register MODEL VERSION FILE</code> registers a version.
        </Empty>
      </Panel>
    );
  const shown = answer?.model === chosen.model ? answer : null;
  const close = () => {
    // An answer that comes late closes the dialog that it is for, and no other that was opened since.
    setOpen((now) => (now === open ? null : now));
    again();
  };
  return (
    <>
      {models.length > 1 && (
        <fieldset className="switch node-switch">
          <legend className="hidden">Model</legend>
          {models.map(({ model }) => (
            <button
              key={model}
              type="button"
              aria-pressed={model === chosen.model}
              onClick={() => go(withQuery(route, { model }), true)}
            >
              {model}
            </button>
          ))}
        </fieldset>
      )}
      <Head model={chosen} onRollback={() => setOpen({ kind: 'rollback' })} />
      <Traffic model={chosen} />
      <Panel title="Lineage" aside={<span className="quiet">what was made from what</span>}>
        <Lineage versions={chosen.versions} />
      </Panel>
      <Versions model={chosen} onPromote={(version) => setOpen({ kind: 'promote', version })} />
      {shown !== null && <Worth answer={shown} />}
      {open?.kind === 'rollback' && <RollbackDialog model={chosen} onClose={close} />}
      {open?.kind === 'promote' && <PromoteDialog model={chosen} version={open.version} onClose={close} />}
    </>
  );
}

function useModels(): readonly [readonly ModelStatus[] | null, () => void] {
  const { api } = useConsole();
  const now = useNow(EVERY_MS);
  const [asked, setAsked] = useState(0);
  const [models, setModels] = useState<readonly ModelStatus[] | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once more with every tick, and when something was changed here
  useEffect(() => {
    let current = true;
    // Without a connection the page says so by itself.
    api.models().then(
      (answer) => current && setModels(answer),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [api, now, asked]);
  return [models, () => setAsked((n) => n + 1)];
}

function useModel(status: ModelStatus | undefined): ModelAnswer | null {
  const { api } = useConsole();
  const [answer, setAnswer] = useState<ModelAnswer | null>(null);
  // A new status object is a new tick: reports are asked for as often.
  useEffect(() => {
    if (status === undefined) return;
    let current = true;
    api.model(status.model).then(
      (each) => current && setAnswer(each),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [api, status]);
  return answer;
}

function Head({ model, onRollback }: { model: ModelStatus; onRollback: () => void }) {
  const back = rollbackTo(model);
  const why = useId();
  return (
    <div className="page-head">
      <div>
        <h1>
          {model.model}
          <span className="mark pill" data-tone="ok" data-testid="champion">
            <Icon name="check" size={14} />
            {model.champion}
          </span>
        </h1>
        <p className="quiet">
          champion {model.champion} · {plural(model.versions.length, 'version')} · revision {model.revision}
          {model.points.length > 0 && <> · arms of </>}
          {model.points.map((point) => (
            <a key={point} href={routeHash('point', point)}>
              {point}{' '}
            </a>
          ))}
        </p>
      </div>
      <div className="page-tools">
        {back === null && (
          <small className="quiet" id={why}>
            No earlier champion to go back to
          </small>
        )}
        <button
          type="button"
          className="button stop"
          data-testid="rollback-button"
          disabled={back === null}
          title={back === null ? undefined : `Back to ${back}`}
          aria-describedby={back === null ? why : undefined}
          onClick={onRollback}
        >
          <Icon name="revert" size={14} /> Roll back…
        </button>
      </div>
    </div>
  );
}

const COLOURS: Readonly<Record<string, string>> = { champion: 'var(--treated)' };
const colourOf = (stage: string, i: number): string => COLOURS[stage] ?? `var(--arm-${i % 8})`;

function Traffic({ model }: { model: ModelStatus }) {
  const shares = trafficOf(model);
  const words = shares.map(({ version, share }) => `${version} ${percent(share)}`).join(', ');
  return (
    <Panel title="Traffic" aside={<span className="quiet">by stable hash of the unit</span>}>
      <div className="traffic" role="img" aria-label={words}>
        {shares.map(({ version, stage, share }, i) => (
          <span key={version} style={{ flexGrow: share, background: colourOf(stage, i) }} />
        ))}
      </div>
      <ul className="legend traffic-legend">
        {shares.map(({ version, stage, share }, i) => (
          <li key={version}>
            <i className="swatch" style={{ background: colourOf(stage, i) }} />
            <span>{version}</span> <span className="quiet">{stage}</span>
            <span className="num strong">{percent(share)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Reward and latency of each version at each point that has them as arms. */
function Worth({ answer }: { answer: ModelAnswer }) {
  const points = armsByPoint(answer);
  if (points.length === 0)
    return (
      <Panel title="Reward and latency">
        <Empty>
          No point has its versions as arms. Declare <code>arms: {`{ versions: ${answer.model} }`}</code>.
        </Empty>
      </Panel>
    );
  return points.map(({ point, arms }) => (
    <Panel
      key={point}
      title={`Reward and latency at ${point}`}
      flush
      aside={<a href={routeHash('point', point)}>The point</a>}
    >
      <Forest
        label={`Reward of each version at ${point}`}
        scale={scaleOf(arms)}
        zero={arms.find(({ arm }) => arm === answer.champion)?.reward.mean ?? null}
        format={(value) => formatMetric('reward', value)}
        rows={arms.map((arm) => rowOf(arm, answer.champion))}
      />
    </Panel>
  ));
}

function scaleOf(arms: readonly ArmReport[]): readonly [number, number] {
  const ends = arms
    .flatMap(({ reward }) => [reward.mean, reward.low, reward.high])
    .filter((end) => end !== null);
  if (ends.length === 0) return [0, 1];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = (high - low) * 0.08 || Math.max(Math.abs(high) * 0.1, 0.05);
  return [low - margin, high + margin];
}

function rowOf({ arm, reward, latency, decisions, share }: ArmReport, champion: string) {
  const quantiles = latency?.quantiles;
  return {
    key: arm,
    name: (
      <span className="forest-words">
        <span className="strong">
          {arm}
          {arm === champion && <span className="tag">champion</span>}
        </span>
        <small className="quiet num">
          {count(decisions)} decisions, {percent(share)} lately
        </small>
      </span>
    ),
    ...reward,
    tone: arm === champion ? ('plain' as const) : ('info' as const),
    ...(reward.mean === null ? { instead: 'no outcome yet' } : {}),
    figures: (
      <>
        <span>
          <span className="strong">{formatMetric('reward', reward.mean)}</span>{' '}
          <span className="quiet">{formatInterval('reward', reward)}</span>
        </span>
        <span className="quiet fine">
          {quantiles === undefined
            ? 'latency unknown'
            : `p50 ${duration(quantiles.p50)} · p95 ${duration(quantiles.p95)} · p99 ${duration(quantiles.p99)}`}
        </span>
      </>
    ),
  };
}
