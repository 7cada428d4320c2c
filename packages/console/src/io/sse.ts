/** One server-sent event: its name and its data, lines joined. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * Reads `text/event-stream` in whatever pieces the network delivers it. The browser's own `EventSource` cannot send
 * an `Authorization` header, so the page reads the stream through `fetch`.
 *
 * Follows the parsing rules of the HTML standard §9.2.6; `id` and `retry` are not used by the API and are skipped.
 *
 * @returns a function to be fed with text; it calls `emit` once for every complete event.
 */
export function sseReader(emit: (event: ServerEvent) => void): (text: string) => void {
  let rest = '';
  let name = '';
  let data: string[] = [];
  // A line feed at the start of a piece belongs to the carriage return that ended the piece before.
  let skipLineFeed = false;

  const line = (text: string): void => {
    if (text === '') {
      if (data.length > 0) emit({ name: name === '' ? 'message' : name, data: data.join('\n') });
      name = '';
      data = [];
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
  };

  return (text) => {
    let piece = text;
    if (skipLineFeed && piece.startsWith('\n')) piece = piece.slice(1);
    if (piece !== '') skipLineFeed = piece.endsWith('\r');
    const lines = (rest + piece).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? '';
    for (const one of lines) line(one);
  };
}
