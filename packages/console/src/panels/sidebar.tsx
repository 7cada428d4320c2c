import { useEffect } from 'react';
import { type PlainView, type Route, routeHash } from '../route.ts';
import { wholeDuration } from '../select/format.ts';
import { type CountedAs, countedAs } from '../select/points.ts';
import { useConsole, useNow, useSlice } from '../state/use.ts';
import { Icon, type IconName, Logo } from '../ui/icon.tsx';
import { useSideways } from '../ui/sideways.ts';

const LINKS: readonly { view: PlainView; title: string; icon: IconName }[] = [
  { view: 'overview', title: 'Overview', icon: 'overview' },
  { view: 'points', title: 'Points', icon: 'points' },
  { view: 'experiments', title: 'Experiments', icon: 'experiments' },
  { view: 'evaluate', title: 'Evaluate', icon: 'evaluate' },
  { view: 'models', title: 'Models', icon: 'models' },
  { view: 'nodes', title: 'Nodes', icon: 'nodes' },
  { view: 'decisions', title: 'Decisions', icon: 'decisions' },
  { view: 'controls', title: 'Controls', icon: 'controls' },
  { view: 'audit', title: 'Audit', icon: 'audit' },
];
/** Points listed by name under their link. */
const POINTS_LISTED = 12;

/** The way round the page, and how it stands with its node. */
export function Sidebar({ route }: { route: Route }) {
  const { theme, toggleTheme, openHelp, openKill } = useConsole();
  const kills = useSlice((state) => state.controls?.value.kills.length ?? 0);
  const views = useSideways<HTMLElement>();
  // On a phone the views stand in a row that scrolls: where one is should be seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: for every other view, which the effect finds for itself
  useEffect(() => {
    document
      .querySelector('.sidebar nav a[aria-current]')
      ?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [route.view]);
  return (
    <header className="sidebar">
      <a className="brand" href="#/" aria-label="Ganglion, overview">
        <Logo />
        <span>Ganglion</span>
      </a>
      <nav aria-label="Views" ref={views}>
        <ul>
          {LINKS.map((link) => (
            <li key={link.view}>
              <a href={routeHash(link.view)} aria-current={standingOf(route, link.view)}>
                <Icon name={link.icon} />
                <span>{link.title}</span>
                {link.view === 'controls' && kills > 0 && (
                  <span className="badge" title={`${kills} kills stand`}>
                    {kills}
                  </span>
                )}
              </a>
              {link.view === 'points' && <PointLinks route={route} />}
            </li>
          ))}
        </ul>
      </nav>
      <div className="sidebar-foot">
        <ConnectionState />
        <div className="sidebar-tools">
          <button
            type="button"
            className="button ghost square"
            aria-label={theme === 'dark' ? 'Light theme' : 'Dark theme'}
            title="Theme (t)"
            onClick={toggleTheme}
          >
            <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
          </button>
          <button
            type="button"
            className="button ghost square"
            aria-label="Keyboard shortcuts"
            title="Shortcuts (?)"
            onClick={openHelp}
          >
            <Icon name="keyboard" />
          </button>
          <button
            type="button"
            className="button ghost square stop"
            aria-label="Kill…"
            title="Kill (k)"
            onClick={() => openKill()}
          >
            <Icon name="stop" />
          </button>
        </div>
      </div>
    </header>
  );
}

/** One experiment is among the experiments; a point has a link of its own, below that of all points. */
function standingOf(route: Route, view: PlainView): 'page' | 'true' | undefined {
  if (route.view === view || (route.view === 'experiment' && view === 'experiments')) return 'page';
  return route.view === 'point' && view === 'points' ? 'true' : undefined;
}

const DOTS: Readonly<Record<CountedAs | 'unknown', IconName>> = {
  learning: 'learning',
  killed: 'stop',
  lease_expired: 'lease',
  overridden: 'pin',
  frozen: 'frozen',
  unknown: 'unknown',
};

function PointLinks({ route }: { route: Route }) {
  const points = useSlice((state) => state.points);
  const reports = useSlice((state) => state.reports);
  if (points.length === 0) return null;
  return (
    <ul className="point-links">
      {points.slice(0, POINTS_LISTED).map(({ spec }) => {
        const known = reports[spec.point];
        const mode = known === undefined ? 'unknown' : countedAs(known);
        const here = route.view === 'point' && route.name === spec.point;
        return (
          <li key={spec.point}>
            <a href={routeHash('point', spec.point)} aria-current={here ? 'page' : undefined}>
              <span title={spec.point}>{spec.point}</span>
              {mode !== 'learning' && (
                <span
                  className="dot-mark"
                  data-mode={mode}
                  title={`${mode.replace('_', ' ')}, on this node or another`}
                >
                  <Icon name={DOTS[mode]} size={12} />
                  <span className="hidden">{mode.replace('_', ' ')}</span>
                </span>
              )}
            </a>
          </li>
        );
      })}
      {points.length > POINTS_LISTED && (
        <li>
          <a href={routeHash('points')}>{points.length - POINTS_LISTED} more…</a>
        </li>
      )}
    </ul>
  );
}

const CONNECTION = {
  live: 'Live',
  connecting: 'Connecting…',
  lost: 'Connection lost',
  unauthorized: 'Token needed',
};

function ConnectionState() {
  const connection = useSlice((state) => state.connection);
  const now = useNow(500);
  const silentMs = connection.lastHeardMs === null ? 0 : now - connection.lastHeardMs;
  return (
    <p className="connection" data-state={connection.state}>
      <i aria-hidden="true" />
      <span role="status">{CONNECTION[connection.state]}</span>
      {connection.state === 'live' && silentMs >= 2500 && <span>, silent for {wholeDuration(silentMs)}</span>}
    </p>
  );
}
