import { type RefObject, useEffect, useRef } from 'react';

/** Less than this out of sight is rounding, px. */
const SLACK_PX = 1;

/** On which sides of an element there is more than is seen: `start`, `end`, `start end` or nothing. Left to right. */
export function moreBeside(element: {
  readonly scrollLeft: number;
  readonly clientWidth: number;
  readonly scrollWidth: number;
}): string {
  const after = element.scrollWidth - element.clientWidth - element.scrollLeft;
  const sides = [element.scrollLeft > SLACK_PX ? 'start' : '', after > SLACK_PX ? 'end' : ''];
  return sides.filter((side) => side !== '').join(' ');
}

/** Keeps `data-more` of an element that scrolls sideways: where its scrollbar is hidden, the style shows by it that it does. */
export function useSideways<E extends HTMLElement>(): RefObject<E | null> {
  const ref = useRef<E>(null);
  useEffect(() => {
    const element = ref.current!;
    const look = (): void => {
      element.dataset.more = moreBeside(element);
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    // What it holds may grow without it: a badge, say.
    for (const child of element.children) observer.observe(child);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  return ref;
}
