// The gate's own pages where a visitor meets them. `node gate.js GATE WECHAT faults|doors`.
import assert from 'node:assert/strict';
import { AGENTS } from './clients.js';
import { BRIEFLY, lookAt } from './look.js';

const [gate, wechat, which] = process.argv.slice(2);
const PHONE = AGENTS['WeChat on iOS'];
const DESKTOP = AGENTS['Chrome on a desktop'];

async function tell(path, body) {
  const response = await fetch(`${wechat}/__sim/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
}
const fault = (errcode) => () => tell('faults', [{ api: 'access_token', times: 1, errcode }]);

// Where somebody who keeps no cookies has been led after so many hops, or at the end of them all, and after how many.
async function withoutCookies(most = 20) {
  let url = `${gate}/_wechat/login?rd=/`;
  for (let hop = 0; hop < most; hop += 1) {
    const answer = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html', 'user-agent': PHONE } });
    const next = answer.headers.get('location');
    if (!next) return { url, hops: hop };
    url = new URL(next, url).href;
  }
  return { url, hops: most };
}

await tell('auto', { user: 'lin', answer: 'allow' });
const unknown = `state=${'0'.repeat(32)}`;
const faults = [
  ['bad-request', '/_wechat/callback?code=a&code=b&state=c', { status: 400, slug: 'bad-request' }],
  ['ambiguous', '/a%2fb', { status: 400, slug: 'ambiguous-path' }],
  ['login-required', '/order', { status: 401, slug: 'login-required', post: {} }],
  ['login-declined', `/_wechat/callback?${unknown}`, { status: 403, slug: 'login-declined' }],
  ['login-loop', '/', { status: 403, slug: 'login-loop', before: async () => (await withoutCookies((await withoutCookies()).hops)).url }],
  ['forbidden', '/vip', { status: 403, slug: 'forbidden' }],
  ['forbidden-origin', '/_wechat/logout', { status: 403, slug: 'forbidden', post: { origin: 'https://evil.example' } }],
  ['snapshot', '/profile', {
    status: 403,
    slug: 'snapshot',
    before: () => tell('snapshot', { mode: 'always' }),
    after: () => tell('snapshot', { mode: 'off' }),
  }],
  ['jsconfig-url-missing', '/jsconfig', { status: 400, slug: 'jsconfig-url-missing' }],
  ['jsconfig-url-not-allowed', '/jsconfig?url=https%3A%2F%2Fevil.example%2F', { status: 403, slug: 'jsconfig-url-not-allowed' }],
  ['wechat-unavailable', '/', { status: 503, slug: 'wechat-unavailable', before: fault(-1) }],
  ['wechat-misconfigured', '/', { status: 503, slug: 'wechat-misconfigured', before: fault(40125) }],
  ['upstream-unreachable', '/gone', { status: 502, slug: 'upstream-unreachable' }],
  ['outside-desktop', '/', { status: 401, slug: 'not-in-wechat', agent: DESKTOP }],
  ['outside-phone', '/', { status: 401, slug: 'not-in-wechat', agent: AGENTS['Chrome on a phone'] }],
  ['outside-wecom', '/', { status: 401, slug: 'not-in-wechat', agent: AGENTS['WeCom on a phone'] }],
  ['logout', '/_wechat/logout?rd=/orders', { status: 200 }],
];

// Where the phone is sent by a code that a desktop shows.
async function scanned(page) {
  const context = await page.context().browser().newContext({ userAgent: DESKTOP });
  const desktop = await context.newPage();
  await desktop.goto(`${gate}/_wechat/login?rd=/orders&door=handoff`);
  const ticket = new URL(await desktop.getAttribute('#waiting', 'data-events'), gate).searchParams.get('t');
  await context.close();
  return `${gate}/_wechat/handoff?t=${ticket}`;
}

const doors = [
  ['fragment', '/orders', { status: 200, leaves: true, nowhere: '/_wechat/login' }],
  ['choose', '/_wechat/login?rd=/orders', { status: 200, agent: DESKTOP, ready: 'a[href*="door=handoff"]' }],
  ['handoff-waiting', '/_wechat/login?rd=/orders&door=handoff', { status: 200, agent: DESKTOP, ready: '#code .qr' }],
  ['handoff-confirm', '/', { status: 200, before: scanned, ready: '#number' }],
  ['handoff-expired', `/_wechat/handoff?t=${'0'.repeat(32)}`, { status: 403, slug: 'login-expired' }],
];

const logo = (page) => page.waitForFunction(() => document.querySelector('header .logo').naturalWidth > 0 && document.querySelector('header').innerText.includes('山风茶舍'));
const stops = { faults, doors }[which].map(([name, path, more]) => {
  const after = async (page) => {
    await logo(page);
    await more.after?.(page);
  };
  return { name: `gate-${name}`, url: gate + path, agent: PHONE, ...more, after };
});
await lookAt(stops, BRIEFLY);
