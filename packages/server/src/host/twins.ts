/** How often one link must speak again after another had, until they are taken for two that live. */
const TURNS = 3;

/**
 * Finds two nodes of one name, by links that speak under it by turns. A link that follows another is a child that connected anew, and
 * what it had sent last over the former may still come after it: so turns are counted, and those of a link that ends are forgotten.
 *
 * @param onTwins - hears the name, at each turn from the third on
 */
export function watchTwins(onTwins: (name: string) => void): {
  /** A message under this name has come over this link. */
  spoke(link: object, name: string): void;
  ended(link: object): void;
} {
  // Each link has but the name it spoke under last: bounded by the links that are open, whatever they call themselves.
  const names = new Map<object, string>();
  const speakers = new Map<string, { readonly link: object; readonly turns: number }>();
  const forget = (link: object): void => {
    const name = names.get(link);
    if (name !== undefined) speakers.delete(name);
    names.delete(link);
  };
  return {
    spoke(link, name) {
      const before = speakers.get(name);
      if (before?.link === link) return;
      const again = names.get(link) === name;
      if (!again) forget(link);
      names.set(link, name);
      const turns = before === undefined ? 0 : before.turns + (again ? 1 : 0);
      speakers.set(name, { link, turns });
      if (turns >= TURNS) onTwins(name);
    },
    ended: forget,
  };
}
