/**
 * Assembles kernels.wat into bytes.ts: `node build.mjs`; with `--check` it only looks whether they agree, and exits 1
 * where they do not. The bytes are committed, so that whoever installs the package needs no assembler.
 */
import { readFile, writeFile } from 'node:fs/promises';
import wabt from 'wabt';

const from = new URL('kernels.wat', import.meta.url);
const to = new URL('bytes.ts', import.meta.url);
const WIDTH = 100;

const module = (await wabt()).parseWat('kernels.wat', await readFile(from, 'utf8'), { simd: true });
module.validate();
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
const lines = base64.match(new RegExp(`.{1,${WIDTH}}`, 'g')).map((line) => `  '${line}'`);
const text = `// Made from kernels.wat by \`node build.mjs\`. Change it there.

/** WebAssembly with SIMD, base64. */
export const KERNELS_BASE64 =
${lines.join(' +\n')};
`;

if (!process.argv.includes('--check')) await writeFile(to, text);
else if ((await readFile(to, 'utf8')) !== text) {
  process.stderr.write(
    'bytes.ts is not what kernels.wat makes: run node packages/adapters/src/kernels/build.mjs\n',
  );
  process.exitCode = 1;
}
