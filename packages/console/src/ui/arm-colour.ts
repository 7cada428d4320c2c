import { colourOf } from '../select/arms.ts';

/** An arm's colour as a CSS value, by its place in the spec. */
export function armColour(index: number): string {
  return `var(--arm-${colourOf(index)})`;
}
