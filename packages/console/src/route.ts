/** Where the page is, as its hash says: every view can be linked to. */
export interface Route {
  readonly view: 'overview' | 'points' | 'point' | 'nodes' | 'decisions' | 'controls' | 'audit' | 'missing';
  /** view `point`: its name. */
  readonly name: string;
  /** `?key=value`, the stream's filter and the open decision among them. */
  readonly query: Readonly<Record<string, string>>;
}

const VIEWS: readonly string[] = [
  'points',
  'nodes',
  'decisions',
  'controls',
  'audit',
] satisfies Route['view'][];

/** Reads `#/points/checkout?id=…`. Total: a hash that means nothing is view `missing`. */
export function parseRoute(hash: string): Route {
  const [path, search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const [head, ...tail] = path.split('/').filter((part) => part !== '');
  if (head === undefined) return { view: 'overview', name: '', query };
  if (head === 'points' && tail.length === 1) return { view: 'point', name: decode(tail[0]), query };
  if (tail.length === 0 && VIEWS.includes(head)) return { view: head as Route['view'], name: '', query };
  return { view: 'missing', name: '', query };
}

/** The hash of a place; conditions that are '' are left out. */
export function routeHash(
  view: Exclude<Route['view'], 'missing'>,
  name = '',
  query: Readonly<Record<string, string>> = {},
): string {
  const path =
    view === 'overview' ? '#/' : view === 'point' ? `#/points/${encodeURIComponent(name)}` : `#/${view}`;
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return search === '' ? path : `${path}?${search}`;
}

/** The same place with one condition changed. */
export function withQuery(route: Route, change: Readonly<Record<string, string>>): string {
  const view = route.view === 'missing' ? 'overview' : route.view;
  return routeHash(view, route.name, { ...route.query, ...change });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
