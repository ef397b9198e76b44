// Makes src/local/wx.min.js of src/local/wx.js; with --check, only says whether it is the one that is there.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'acorn';
import { minify } from 'terser';

const folder = new URL('../../src/local/', import.meta.url);
const source = readFileSync(new URL('wx.js', folder), 'utf8');
const { code } = await minify(source, { ecma: 5, safari10: true, compress: { passes: 3 }, mangle: true });
for (const text of [source, code]) parse(text, { ecmaVersion: 5 });

const served = new URL('wx.min.js', folder);
if (!process.argv.includes('--check')) {
  writeFileSync(served, `${code}\n`);
} else if (readFileSync(served, 'utf8') !== `${code}\n`) {
  console.error('src/local/wx.min.js is not what becomes of wx.js: run node tests/browser/minify.js');
  process.exit(1);
}
