// Looks at every page of the gate's own in both languages, on phone and desktop screens, by day and by night.
// `node pages.js FOLDER STOPS`: pictures go to FOLDER; STOPS is JSON, a list of {name, url, agent?, post?, status?, cookie?}.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { audit } from './audit.js';

const [folder, stops] = [process.argv[2], JSON.parse(process.argv[3])];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// What a phone on a bad network gets quickly.
const LIMIT = 30_000;
// A small phone, an ordinary one, a desktop. Pictures are taken of the first and the last.
const SCREENS = [320, 390, 1280];

const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
// As root, and in most containers, Chromium refuses to start with its sandbox. It only sees our own pages.
const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
const browser = await chromium.launch({ executablePath, args });

async function look(page, name, wrong) {
  for (const width of SCREENS) {
    await page.setViewportSize({ width, height: width < 600 ? 640 : 900 });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const place = `${name}-${width}-${colorScheme}`;
      wrong.push(...(await page.evaluate(audit)).map((sentence) => `${place}: ${sentence}`));
      if (width !== 390) await page.screenshot({ path: `${folder}/${place}.png` });
    }
  }
  // By the debugger's hand, so the page's own policy does not have to let it in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  for (const { id, nodes } of violations) wrong.push(`${name}: axe: ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' ')}`);
}

async function visit(context, stop, locale) {
  const wrong = [];
  const page = await context.newPage();
  const origin = new URL(stop.url).origin;
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  // That the page itself is an error is what Chromium tells of an error page.
  page.on('console', (message) => {
    if (message.type() === 'error' && message.location().url !== page.url()) wrong.push(`console: ${message.text()}`);
    else if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) wrong.push(`asks elsewhere: ${request.url()}`);
  });
  if (stop.post) await page.route(stop.url, (route) => route.continue({ method: 'POST', headers: { ...route.request().headers(), ...stop.post } }));
  const response = await page.goto(stop.url);
  if (stop.status) assert.equal(response.status(), stop.status, `${stop.name}: ${await response.text()}`);
  const size = (await response.body()).length;
  if (size >= LIMIT) wrong.push(`${size} bytes`);
  if (stop.ready) await page.waitForSelector(stop.ready);
  await look(page, `${stop.name}-${locale}`, wrong);
  await page.close();
  return wrong.map((sentence) => (sentence.startsWith(stop.name) ? sentence : `${stop.name}-${locale}: ${sentence}`));
}

let failed = 0;
for (const locale of ['zh-CN', 'en']) {
  for (const stop of stops) {
    const context = await browser.newContext({ locale, userAgent: stop.agent, extraHTTPHeaders: stop.headers });
    if (stop.cookies) await context.addCookies(stop.cookies.map((cookie) => ({ ...cookie, url: stop.url })));
    const wrong = await visit(context, stop, locale).catch((error) => [error.stack]);
    await context.close();
    console.log(wrong.length ? `FAILED  ${stop.name} ${locale}\n  ${wrong.join('\n  ')}` : `ok      ${stop.name} ${locale}`);
    failed += wrong.length;
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
