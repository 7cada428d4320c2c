/** Where the page is, as its hash says: every view can be linked to. */
export interface Route {
  readonly view:
    | 'overview'
    | 'points'
    | 'point'
    | 'experiments'
    | 'experiment'
    | 'evaluate'
    | 'models'
    | 'nodes'
    | 'decisions'
    | 'controls'
    | 'audit'
    | 'missing';
  /** views `point` and `experiment`: the point's name. */
  readonly name: string;
  /** view `experiment`: its name at the point. */
  readonly part: string;
  /** `?key=value`, the stream's filter and the open decision among them. */
  readonly query: Readonly<Record<string, string>>;
}

/** A view that stands by itself: it needs no name. */
export type PlainView = Exclude<Route['view'], 'missing' | 'point' | 'experiment'>;

const VIEWS: readonly string[] = [
  'points',
  'experiments',
  'evaluate',
  'models',
  'nodes',
  'decisions',
  'controls',
  'audit',
] satisfies PlainView[];

/** Reads `#/points/checkout?id=…`. Total: a hash that means nothing is view `missing`. */
export function parseRoute(hash: string): Route {
  const [path, search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const [head, ...tail] = path.split('/').filter((part) => part !== '');
  const at = (view: Route['view'], name = '', part = ''): Route => ({ view, name, part, query });
  if (head === undefined) return at('overview');
  if (head === 'points' && tail.length === 1) return at('point', decode(tail[0]));
  if (head === 'experiments' && tail.length === 2) return at('experiment', decode(tail[0]), decode(tail[1]));
  if (tail.length === 0 && VIEWS.includes(head)) return at(head as Route['view']);
  return at('missing');
}

/** The hash of a place; conditions that are '' are left out. */
export function routeHash(
  view: Exclude<Route['view'], 'missing'>,
  name = '',
  query: Readonly<Record<string, string>> = {},
  part = '',
): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  const path = pathOf(view, encodeURIComponent(name), encodeURIComponent(part));
  return search === '' ? path : `${path}?${search}`;
}

/** The page alone, without conditions: what is filtered or open on it changes nothing. */
export function placeOf({ view, name, part }: Route): string {
  return view === 'missing' ? '' : routeHash(view, name, {}, part);
}

function pathOf(view: Exclude<Route['view'], 'missing'>, name: string, part: string): string {
  if (view === 'overview') return '#/';
  if (view === 'point') return `#/points/${name}`;
  if (view === 'experiment') return `#/experiments/${name}/${part}`;
  return `#/${view}`;
}

/** The same place with one condition changed. */
export function withQuery(route: Route, change: Readonly<Record<string, string>>): string {
  const view = route.view === 'missing' ? 'overview' : route.view;
  return routeHash(view, route.name, { ...route.query, ...change }, route.part);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
