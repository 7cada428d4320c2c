import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ServerEvent, sseReader } from './sse.ts';

function read(...pieces: string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const feed = sseReader((event) => events.push(event));
  for (const piece of pieces) feed(piece);
  return events;
}

describe('server-sent events', () => {
  it('reads the examples of the HTML standard', () => {
    expect(read('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([{ name: 'message', data: 'YHOO\n+2\n10' }]);
    expect(read('data\n\ndata\ndata\n\ndata:')).toEqual([
      { name: 'message', data: '' },
      { name: 'message', data: '\n' },
    ]);
    expect(read('data:test\n\ndata: test\n\n')).toEqual([
      { name: 'message', data: 'test' },
      { name: 'message', data: 'test' },
    ]);
  });

  it('skips comments and events without data, and keeps an incomplete one back', () => {
    expect(read(': heartbeat\n\nevent: status\n\nevent: status\ndata: {}\n')).toEqual([]);
    expect(read('event: status\ndata: {}\n', '\n')).toEqual([{ name: 'status', data: '{}' }]);
  });

  it('reads the same events however the network cuts the stream, with any of the three line ends', () => {
    const word = fc.stringMatching(/^[a-z0-9{}": é]*$/);
    const stream = fc.record({
      events: fc.array(fc.record({ name: fc.stringMatching(/^[a-z]+$/), data: word }), { maxLength: 6 }),
      end: fc.constantFrom('\n', '\r', '\r\n'),
      cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(stream, ({ events, end, cuts }) => {
        const text = events.map((e) => `event: ${e.name}${end}data: ${e.data}${end}${end}`).join('');
        const places = [0, ...cuts.filter((c) => c < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, i) => text.slice(places[i], place));
        expect(read(...pieces)).toEqual(events);
      }),
    );
  });
});
