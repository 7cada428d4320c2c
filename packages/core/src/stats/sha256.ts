/**
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104), for what a node must recognise as its own words: synchronous, and on every
 * platform that the core runs on. Its time does not depend on the key beyond its length.
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  const blocks = (bytes.length + 9 + 63) >> 6;
  const padded = new Uint8Array(blocks * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const state = Uint32Array.from(INITIAL);
  const words = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(block + i * 4);
    compress(state, words);
  }
  const out = new Uint8Array(32);
  const outView = new DataView(out.buffer);
  for (let i = 0; i < 8; i++) outView.setUint32(i * 4, state[i]);
  return out;
}

/** HMAC-SHA256 of a message under a key of at most 64 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const inner = new Uint8Array(64 + message.length);
  const outer = new Uint8Array(96);
  for (let i = 0; i < 64; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36;
    outer[i] = (key[i] ?? 0) ^ 0x5c;
  }
  inner.set(message, 64);
  outer.set(sha256(inner), 64);
  return sha256(outer);
}

function compress(state: Uint32Array, w: Uint32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) >>> 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) >>> 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) >>> 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) >>> 0;
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] + value) >>> 0;
}

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

/** The first primes: their square and cube roots' fractions are the standard's constants, to 32 bits. */
const PRIMES = ((): number[] => {
  const out: number[] = [];
  for (let n = 2; out.length < 64; n++) if (out.every((prime) => n % prime !== 0)) out.push(n);
  return out;
})();

/** Fraction of the k-th root of n as 32 bits, by whole numbers alone: no engine rounds it otherwise. */
function rootBits(n: number, k: 2 | 3): number {
  const target = BigInt(n) << BigInt(32 * k);
  let low = 0n;
  let high = BigInt(n) << 32n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if ((k === 2 ? middle * middle : middle * middle * middle) <= target) low = middle;
    else high = middle - 1n;
  }
  return Number(low & 0xffffffffn);
}

const INITIAL = PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2));
const ROUND = Uint32Array.from(PRIMES, (prime) => rootBits(prime, 3));
