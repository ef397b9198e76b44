// Looks at a page of the gate's own on phone and desktop screens, by day and by night, in both languages, and says what is
// wrong with it. Pictures are left in a folder: SCREENSHOTS, or one of the system's.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { parse } from 'acorn';
import { audit } from './audit.js';
import { PATIENCE, launch } from './clients.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// What a phone on a bad network gets quickly.
const LIMIT = 30_000;
// A small phone, an ordinary one, a desktop, by day and by night.
const SCREENS = [320, 390, 1280].flatMap((width) => [{ width, colorScheme: 'light' }, { width, colorScheme: 'dark' }]);
// Enough for a page that has been looked at on all of them elsewhere.
export const BRIEFLY = [SCREENS[0], SCREENS.at(-1)];

const folder = process.env.SCREENSHOTS ?? mkdtempSync(`${tmpdir()}/wxgate-pages-`);

async function examine(page, name, screens, wrong) {
  for (const { width, colorScheme } of screens) {
    await page.setViewportSize({ width, height: width < 600 ? 640 : 900 });
    await page.emulateMedia({ colorScheme });
    const place = `${name}-${width}-${colorScheme}`;
    wrong.push(...(await page.evaluate(audit)).map((sentence) => `${place}: ${sentence}`));
    // Of the ordinary phone a picture would show nothing new.
    if (width === 390) continue;
    const path = `${folder}/${place}.png`;
    await page.screenshot({ path });
    assert.ok(statSync(path).size > 1000, `${path} is a picture`);
  }
  if (screens === BRIEFLY) return;
  // By the debugger's hand, so the page's own policy does not have to let it in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  for (const { id, nodes } of violations) wrong.push(`axe: ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' ')}`);
}

// Everything that the old webviews of phones would not understand.
function outdated(html) {
  const found = [];
  for (const [, script] of html.matchAll(/<script[^>]*>([^]*?)<\/script>/g)) {
    try { parse(script, { ecmaVersion: 5 }); } catch (error) { found.push(`not ES5: ${error.message}`); }
  }
  const [, style] = /<style[^>]*>([^]*?)<\/style>/.exec(html) ?? assert.fail(html);
  for (const [word] of style.matchAll(/\b(grid|gap|inset|var\(|clamp\(|min\(|max\(|:is\(|:where\(|aspect-ratio|position: sticky)/g)) found.push(`not in old webviews: ${word}`);
  return found;
}

async function visit(context, stop, locale, screens) {
  const wrong = [];
  const page = await context.newPage();
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on('console', (message) => {
    // That the page is an error is what Chromium tells of each error page.
    const itself = message.text().startsWith('Failed to load resource') && message.location().url === page.url();
    if (message.type() === 'error' && !itself) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
  page.on('request', (request) => {
    const ours = request.url().startsWith(new URL(stop.url).origin);
    if (!ours && !request.isNavigationRequest()) wrong.push(`asks elsewhere: ${request.url()}`);
  });
  const url = (await stop.before?.(page)) ?? stop.url;
  if (stop.post) await page.route(url, (route) => route.continue({ method: 'POST', headers: { ...route.request().headers(), ...stop.post } }));
  // Where there is nothing, a browser stays where it is.
  if (stop.nowhere) await page.route(({ pathname }) => pathname === stop.nowhere, (route) => route.fulfill({ status: 204 }));
  const response = await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction(() => document.readyState === 'complete');
  // Of a page that goes on by itself Chromium keeps no source.
  const html = await (stop.leaves ? await page.request.get(url, { headers: { accept: 'text/html' } }) : response).text();
  if (stop.status) assert.equal(response.status(), stop.status, `${stop.name}: ${html}`);
  if (stop.slug) assert.ok(html.includes(`${stop.status} ${stop.slug}<`), `${stop.name}: ${html}`);
  if (stop.ready) await page.waitForSelector(stop.ready);
  const size = Buffer.byteLength(html);
  if (size >= LIMIT) wrong.push(`${size} bytes`);
  wrong.push(...outdated(html));
  await examine(page, `${stop.name}-${locale}`, screens, wrong);
  if (stop.after) await stop.after(page);
  return wrong;
}

// A stop: `name` and `url`; as needed the visitor's `agent` and `headers`, `before` and `after` with the page in hand (`before`
// may know a better url), `post` (headers of a form), `leaves` (the page goes on by itself), `nowhere` (a path where it finds
// nothing); and what to expect: `status`, `slug`, `ready` (a selector).
export async function lookAt(stops, screens = SCREENS) {
  const browser = await launch();
  let failed = 0;
  for (const locale of ['zh-CN', 'en']) {
    for (const stop of stops) {
      const context = await browser.newContext({ locale, userAgent: stop.agent, extraHTTPHeaders: stop.headers });
      context.setDefaultTimeout(PATIENCE);
      const wrong = await visit(context, stop, locale, screens).catch((error) => [error.stack]);
      await context.close();
      console.log(wrong.length ? `FAILED  ${stop.name} ${locale}\n  ${wrong.join('\n  ')}` : `ok      ${stop.name} ${locale}`);
      failed += wrong.length;
    }
  }
  await browser.close();
  if (!process.env.SCREENSHOTS) rmSync(folder, { recursive: true });
  process.exit(failed ? 1 : 0);
}
