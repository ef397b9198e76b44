// Every client through the door that is meant for it: `node matrix.js GATE WECHAT SCENE`.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { AGENTS, ask, client, launch, perform } from './clients.js';

const [gate, wechat, scene] = process.argv.slice(2);
const browser = await launch();
// To a WeChat where nobody has agreed to anything yet.
const open = async (name, run, options) => {
  await ask(wechat, 'reset', {});
  await client(browser, [gate, wechat], name, run, options);
};
const people = Object.fromEntries((await ask(wechat, 'users')).map((person) => [person.id, person]));
const accounts = await ask(wechat, 'accounts');
const ADDRESS = `${gate}/orders/7?from=menu&x=%E8%8C%B6`;

const INSIDE = Object.keys(AGENTS).filter((name) => /^WeChat|mini program/.test(name));
const PHONES = ['Chrome on a phone', 'Safari on a phone'];

// What the site was told of whoever is looking at it.
const told = async (page) => JSON.parse(await page.textContent('#told'));

// Through the pretend WeChat's own pages, as `user`.
async function consent(page, user) {
  await page.click(`button[name=user][value=${user}]`);
  await page.click('button[name=answer][value=allow]');
  await page.waitForSelector('#told');
}

async function signedInAs(page, expected) {
  assert.equal(page.url().replace(/#$/, ''), ADDRESS);
  const { 'x-wechat-session': session, 'x-wechat-avatar': avatar, ...rest } = await told(page);
  assert.match(session, /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, { target: ADDRESS.slice(gate.length), ...expected });
  const me = await page.evaluate(async () => (await fetch('/_wechat/me')).json());
  const of = (name) => expected[`x-wechat-${name}`];
  assert.deepEqual([me.openid, me.userid, me.account, me.appid], [of('openid'), of('userid'), of('account'), of('appid')]);
  // A second page comes at once, a script of the page as well.
  await page.goto(`${gate}/told`);
  assert.equal(await page.evaluate(async () => (await fetch('/told')).status), 200);
}

async function leave(page) {
  await page.goto(`${gate}/_wechat/logout?rd=/told`);
  await page.click('button[type=submit]');
  await page.waitForURL((url) => url.origin !== gate || url.pathname !== '/_wechat/logout');
  assert.equal(await page.evaluate(() => document.cookie), '');
  const me = await fetch(`${gate}/_wechat/me`, { headers: { cookie: await jar(page) } });
  assert.equal(me.status, 401);
}

async function jar(page) {
  const cookies = await page.context().cookies(gate);
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
}

// What a site is told of a user who came through one of WeChat's own doors.
function wechatIdentity(user, name, kind, scope) {
  const { app_id: appid, open_platform: platform } = accounts.find((account) => account.kind === kind);
  return {
    'x-wechat-account': name,
    'x-wechat-appid': appid,
    'x-wechat-openid': people[user].openids[appid],
    'x-wechat-unionid': people[user].unionids[platform],
    'x-wechat-scope': scope,
    'x-wechat-nickname': encodeURIComponent(people[user].nickname),
  };
}
const official = (user) => wechatIdentity(user, 'official_account', 'test_account', 'snsapi_userinfo');

const inside = (name) =>
  open(name, async (page, { answers, picture }) => {
    await page.goto(ADDRESS);
    const authorize = new URL(answers.find(({ url }) => url.startsWith(wechat)).url);
    assert.equal(authorize.pathname, '/connect/oauth2/authorize');
    await consent(page, 'lin');
    await picture(`matrix ${name}`);
    await signedInAs(page, official('lin'));
    await leave(page);
    // Somebody else in the same browser is somebody else.
    await page.goto(ADDRESS);
    await consent(page, 'wang');
    await signedInAs(page, official('wang'));
  });

// A page that says to open the address in WeChat, and hands it over.
const outside = (name, drawn) =>
  open(name, async (page, { answers, context, picture }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gate });
    await page.goto(ADDRESS);
    assert.deepEqual(answers.map(({ status }) => status), [401]);
    assert.equal(await page.textContent('#address'), ADDRESS);
    assert.equal(await page.locator('.qr svg').count(), drawn ? 1 : 0);
    await page.click('#copy');
    await page.waitForFunction(() => document.querySelector('#copy').textContent === document.querySelector('#copy').dataset.copied);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), ADDRESS);
    await picture(`matrix ${name}`);
  });

// Without a window and without scripts: one plain request. (`fetch` would say that it is a script's.)
const read = (path, userAgent, accept) =>
  new Promise((done, failed) => {
    const headers = { 'user-agent': userAgent, accept, 'accept-language': 'en' };
    get(new URL(path, gate), { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; });
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, text }));
    }).on('error', failed);
  });
// What a reader without styles and scripts sees.
const seen = (html) => html.replace(/<(style|script)[^]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ').replaceAll('&#x2f;', '/');
const LYNX = 'Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1';

async function curl() {
  const answer = await read('/told?a=1', 'curl/8.5.0', '*/*');
  assert.equal(answer.status, 401);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  const problem = JSON.parse(answer.text);
  assert.equal(problem.type, 'urn:wxgate:login-required');
  assert.equal(problem.login_url, `${gate}/_wechat/login?rd=/told%3Fa%3D1`);
  assert.equal(answer.headers['x-wechat-login-url'], problem.login_url);
  assert.equal(answer.headers['set-cookie'], undefined);
}

const scenes = {
  // Nothing but an official account.
  official: {
    ...Object.fromEntries(INSIDE.map((name) => [`${name} signs in through the official account`, () => inside(name)])),
    ...Object.fromEntries(['WeCom on a phone', 'WeCom on a desktop', ...PHONES].map((name) =>
      [`${name} is shown the way to WeChat`, () => outside(name, false)])),
    'Chrome on a desktop is shown the address for a phone to scan': () => outside('Chrome on a desktop', true),
    'curl is told where to sign in': curl,
    'a browser in a terminal can read where to go': async () => {
      const answer = await read('/told?a=1', LYNX, 'text/html, text/plain, */*;q=0.01');
      assert.equal(answer.status, 401);
      const text = seen(answer.text);
      assert.ok(text.includes(`${gate}/told?a=1`) && text.includes('not-in-wechat'), text);
    },
  },
};

await perform(browser, scenes[scene]);
