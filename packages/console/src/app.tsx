import { useEffect, useRef, useState } from 'react';
import type { Api } from './io/api.ts';
import { isTyping, keyReader, type Shortcut } from './keys.ts';
import { Audit } from './panels/audit.tsx';
import { ConnectionBanner } from './panels/connection-banner.tsx';
import { ControlsPage } from './panels/controls-page.tsx';
import { DecisionDrawer } from './panels/decision-drawer.tsx';
import { EvaluatePage } from './panels/evaluate-page.tsx';
import { ExperimentPage } from './panels/experiment-page.tsx';
import { ExperimentsPage } from './panels/experiments-page.tsx';
import { Failures, type ToldFailure } from './panels/failures.tsx';
import { HelpDialog } from './panels/help-dialog.tsx';
import { KillDialog } from './panels/kill-dialog.tsx';
import { ModelsPage } from './panels/models-page.tsx';
import { NodesPage } from './panels/nodes-page.tsx';
import { Overview } from './panels/overview.tsx';
import { PointPage } from './panels/point-page.tsx';
import { PointsPage } from './panels/points-page.tsx';
import { ReviveDialog } from './panels/revive-dialog.tsx';
import { Sidebar } from './panels/sidebar.tsx';
import { StatusBand } from './panels/status-band.tsx';
import { Stream } from './panels/stream.tsx';
import { ThawDialog } from './panels/thaw-dialog.tsx';
import { TokenDialog } from './panels/token-dialog.tsx';
import { type PlainView, placeOf, type Route, routeHash, withQuery } from './route.ts';
import type { StreamFilter } from './select/stream.ts';
import type { Store } from './state/store.ts';
import { type Console, ConsoleContext, useSlice } from './state/use.ts';
import { go, routeNow, useRoute } from './state/use-route.ts';
import { useTheme } from './state/use-theme.ts';
import { Empty } from './ui/panel.tsx';

type Open =
  | { readonly kind: 'kill' | 'revive'; readonly scope: string }
  | { readonly kind: 'thaw'; readonly point: string }
  | { readonly kind: 'help' };

/** The page. */
export function App(props: { store: Store; api: Api; giveToken: (token: string) => void }) {
  const { store, api, giveToken } = props;
  const route = useRoute();
  const [theme, toggleTheme] = useTheme();
  const [open, show, close] = useOpen(route);
  const [failures, setFailures] = useState<readonly ToldFailure[]>([]);
  const console: Console = {
    store,
    api,
    giveToken,
    theme,
    toggleTheme,
    openKill: (scope) => show({ kind: 'kill', scope: scope ?? defaultScope(routeNow(), store) }),
    openRevive: (scope) => show({ kind: 'revive', scope }),
    openThaw: (point) => show({ kind: 'thaw', point }),
    openHelp: () => show({ kind: 'help' }),
    tell: (failure) => setFailures((told) => [...told, { ...failure, id: (told.at(-1)?.id ?? 0) + 1 }]),
  };
  const shortcuts = shortcutsOf(console);
  useShortcuts(shortcuts, route);
  return (
    <ConsoleContext value={console}>
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <Sidebar route={route} />
      <Main route={route} />
      <DecisionDrawer route={route} />
      {open?.kind === 'kill' && <KillDialog scope={open.scope} onClose={close} />}
      {open?.kind === 'revive' && <ReviveDialog scope={open.scope} onClose={close} />}
      {open?.kind === 'thaw' && <ThawDialog point={open.point} onClose={close} />}
      {open?.kind === 'help' && <HelpDialog shortcuts={shortcuts} onClose={close} />}
      <TokenGate />
      <Failures
        failures={failures}
        onDismiss={(one) => setFailures((told) => told.filter((each) => each !== one))}
      />
    </ConsoleContext>
  );
}

/** The open dialog. What was asked of one page is not asked of the next: going back is a way to say no. */
function useOpen(route: Route): readonly [Open | null, (what: Open) => void, () => void] {
  const [open, setOpen] = useState<{ readonly what: Open; readonly at: string } | null>(null);
  const here = open === null || open.at === placeOf(route);
  if (!here) setOpen(null);
  const shown = here ? (open?.what ?? null) : null;
  return [
    shown,
    // Of the page that the address names, which may be a moment ahead of what is drawn.
    (what) => setOpen({ what, at: placeOf(routeNow()) }),
    // An answer that comes late closes the dialog that it is for, and no other that was opened since.
    () => setOpen((now) => (now?.what === shown ? null : now)),
  ];
}

function Main({ route }: { route: Route }) {
  const connection = useSlice((state) => state.connection);
  useEffect(() => {
    const title = route.view === 'point' ? route.name : route.part || capital(route.view);
    document.title = `${title} · Ganglion`;
    window.scrollTo(0, 0);
  }, [route.view, route.name, route.part]);
  return (
    <div className="page">
      <ConnectionBanner />
      <StatusBand />
      <main id="main" tabIndex={-1} data-stale={connection.state === 'lost'}>
        {!['overview', 'point', 'experiment'].includes(route.view) && (
          <h1 className={TITLED.includes(route.view) ? 'page-title' : 'hidden'}>{capital(route.view)}</h1>
        )}
        <View route={route} />
      </main>
    </div>
  );
}

/** Pages whose first panel does not say where one is. */
const TITLED: readonly string[] = ['experiments', 'evaluate'];

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function View({ route }: { route: Route }) {
  const { point = '', arm = '', reason = '', node = '', q = '' } = route.query;
  const filter: StreamFilter = { point, arm, reason, node, text: q };
  switch (route.view) {
    case 'overview':
      return <Overview route={route} filter={filter} />;
    case 'points':
      return <PointsPage />;
    case 'point':
      return <PointPage key={route.name} route={route} filter={filter} />;
    case 'experiments':
      return <ExperimentsPage />;
    case 'experiment':
      return <ExperimentPage key={`${route.name}/${route.part}`} route={route} />;
    case 'evaluate':
      return <EvaluatePage route={route} />;
    case 'models':
      return <ModelsPage route={route} />;
    case 'nodes':
      return <NodesPage />;
    case 'decisions':
      return <Stream route={route} filter={filter} rows={200} filters />;
    case 'controls':
      return <ControlsPage />;
    case 'audit':
      return <Audit rows={500} />;
    case 'missing':
      return (
        <Empty>
          There is no such view. <a href="#/">To the overview</a>
        </Empty>
      );
  }
}

function TokenGate() {
  const connection = useSlice((state) => state.connection);
  return connection.state === 'unauthorized' ? <TokenDialog why={connection.why} /> : null;
}

/** The point of the page, else the first one, else everything. */
function defaultScope(route: Route, store: Store): string {
  const name = route.name !== '' ? route.name : store.get().points[0]?.spec.point;
  return name === undefined ? '*' : `point:${name}`;
}

/** To the newest decision that is shown; inside the stream its own keys move on. */
function intoStream(): void {
  if (document.activeElement?.closest('.stream') != null) return;
  document.querySelector<HTMLElement>('.stream button')?.focus();
}

function shortcutsOf(console: Console): readonly Shortcut[] {
  const to = (view: PlainView) => () => go(routeHash(view));
  return [
    { keys: 'g o', title: 'Overview', run: to('overview') },
    { keys: 'g p', title: 'Points', run: to('points') },
    { keys: 'g x', title: 'Experiments', run: to('experiments') },
    { keys: 'g e', title: 'Evaluate', run: to('evaluate') },
    { keys: 'g m', title: 'Models', run: to('models') },
    { keys: 'g n', title: 'Nodes', run: to('nodes') },
    { keys: 'g d', title: 'Decisions', run: to('decisions') },
    { keys: 'g c', title: 'Controls', run: to('controls') },
    { keys: 'g a', title: 'Audit', run: to('audit') },
    { keys: '/', title: 'Filter', run: () => document.querySelector<HTMLElement>('[data-search]')?.focus() },
    {
      keys: 'p',
      title: 'Pause the stream, or go on',
      run: () => document.querySelector<HTMLElement>('[data-testid="pause-stream"]')?.click(),
    },
    { keys: 'j', title: 'Into the stream', run: intoStream },
    { keys: 'k', title: 'Kill', run: () => console.openKill() },
    { keys: 't', title: 'Light or dark', run: console.toggleTheme },
    { keys: '?', title: 'This help', run: console.openHelp },
  ];
}

function useShortcuts(shortcuts: readonly Shortcut[], route: Route): void {
  // Read at the key, not at a later effect: the key after a dialog closed is for the page already.
  const latest = useRef({ shortcuts, route });
  latest.current = { shortcuts, route };
  const [reader] = useState(() => keyReader(() => latest.current.shortcuts));
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      // Dialogs have their own keys, and a person typing has none of ours.
      if (document.querySelector('dialog[open]') !== null) return;
      const { route } = latest.current;
      if (event.key === 'Escape') {
        if (isTyping(event.target)) (event.target as HTMLElement).blur();
        else if ((route.query.id ?? '') !== '') go(withQuery(route, { id: '' }), true);
        return;
      }
      if (isTyping(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
      // When it was pressed, not when a busy page came to it: two keys belong together by that.
      const shortcut = reader(event.key, event.timeStamp);
      if (shortcut === undefined) return;
      event.preventDefault();
      shortcut.run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [reader]);
}
