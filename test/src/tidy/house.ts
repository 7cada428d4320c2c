import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage', 'fixtures']);

/** All files below the root with one of these endings. */
export function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  const out: SourceFile[] = [];
  for (const name of readdirSync(join(ROOT, folder))) {
    if (SKIPPED.has(name)) continue;
    const path = join(folder, name);
    if (statSync(join(ROOT, path)).isDirectory()) out.push(...filesBelow(path, endings));
    else if (endings.some((ending) => name.endsWith(ending)))
      out.push({
        path: path.replaceAll('\\', '/'),
        text: readFileSync(join(ROOT, path), 'utf8'),
        isTest: /\.test\.tsx?$/.test(name),
      });
  }
  return out;
}

/** What a file imports: packages by name, its own project's files by their path from the root. */
export function importsOf(file: SourceFile): string[] {
  const found: string[] = [];
  for (const match of file.text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?\bfrom\s+['"]([^'"]+)['"]|(?:^|\n)\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g,
  )) {
    const target = match[1] ?? match[2] ?? match[3];
    found.push(
      target.startsWith('.')
        ? relative(ROOT, resolve(ROOT, dirname(file.path), target)).replaceAll('\\', '/')
        : target,
    );
  }
  return found;
}
