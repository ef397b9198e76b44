// Every client through the door that is meant for it: `node matrix.js GATE WECHAT SCENE`.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import { AGENTS, ask, client, launch, perform } from './clients.js';

const [gate, wechat, scene] = process.argv.slice(2);
const browser = await launch();
// To a WeChat where nobody has agreed to anything yet.
const open = async (name, run) => {
  await ask(wechat, 'reset', {});
  await client(browser, [gate, wechat], name, run);
};
const people = Object.fromEntries((await ask(wechat, 'users')).map((person) => [person.id, person]));
const accounts = await ask(wechat, 'accounts');
const PLACE = '/orders/7?from=menu&x=%E8%8C%B6';
// What a scene with `keep_fragment` adds to it.
const ROUTE = scene === 'everything' ? '#/tea/3?cup=%E5%A4%A7' : '';
const ADDRESS = gate + PLACE + ROUTE;

const INSIDE = Object.keys(AGENTS).filter((name) => /^WeChat|mini program/.test(name));
const PHONES = ['Chrome on a phone', 'Safari on a phone'];
const WECOM = ['WeCom on a phone', 'WeCom on a desktop'];
const DESKTOP = 'Chrome on a desktop';

// What the site is told of somebody.
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
const website = (user) => wechatIdentity(user, 'website_app', 'website_app', 'snsapi_login');
const corporation = accounts.find(({ kind }) => kind === 'wecom').app_id;
const member = (user, scope) => ({
  'x-wechat-account': 'wecom',
  'x-wechat-appid': corporation,
  'x-wechat-userid': people[user].userid,
  'x-wechat-scope': scope,
});

// The page is where the visitor was going, and the site was told who they are. So is a script, and so is `/_wechat/me`.
async function signedIn(page, expected) {
  await page.waitForSelector('#told');
  assert.equal(page.url().replace(/#$/, ''), ADDRESS);
  const { 'x-wechat-session': session, 'x-wechat-avatar': avatar, ...told } = JSON.parse(await page.textContent('#told'));
  assert.match(session, /^[0-9a-f]{32}$/);
  assert.ok(avatar === undefined || avatar.startsWith(wechat), avatar);
  assert.deepEqual(told, { target: PLACE, ...expected });
  const me = await page.evaluate(async () => (await fetch('/_wechat/me')).json());
  for (const name of ['openid', 'userid', 'unionid', 'account', 'appid', 'scope']) {
    assert.equal(me[name], expected[`x-wechat-${name}`], name);
  }
  assert.equal(await page.evaluate(async () => (await fetch('/told')).status), 200);
  assert.equal(await page.evaluate(() => document.cookie), '');
}

// What the browser holds is nothing to the gate.
async function signedOut(page) {
  const cookies = (await page.context().cookies(gate)).map(({ name, value }) => `${name}=${value}`);
  const { status } = await fetch(`${gate}/_wechat/me`, { headers: { cookie: cookies.join('; ') } });
  assert.equal(status, 401);
}

// By the gate's confirming page.
async function leave(page) {
  await page.goto(`${gate}/_wechat/logout?rd=/told`);
  await page.click('button[type=submit]');
  await page.waitForURL((url) => url.pathname !== '/_wechat/logout');
  await signedOut(page);
}

// Where the gate has sent the browser, by the first address there.
const sentTo = (answers) => new URL(answers.find(({ url }) => url.startsWith(wechat)).url);

async function agree(page, user) {
  await page.click(`button[name=user][value="${user}"]`);
  await page.click('button[name=answer][value=allow]');
}

// What a phone reads in a picture on the page.
async function scan(page, selector) {
  const { width, height, data } = PNG.sync.read(await page.locator(selector).screenshot());
  const read = jsqr(new Uint8ClampedArray(data), width, height);
  assert.ok(read, `no phone can read ${selector}`);
  return read.data;
}

const inside = (name) =>
  open(name, async (page, { answers, picture }) => {
    await page.goto(ADDRESS);
    await agree(page, 'lin');
    const { pathname, searchParams } = sentTo(answers);
    assert.deepEqual([pathname, searchParams.get('scope')], ['/connect/oauth2/authorize', 'snsapi_userinfo']);
    await signedIn(page, official('lin'));
    await picture(`matrix-${scene}-${name}`);
    await leave(page);
    // Somebody else in the same browser is somebody else.
    await page.goto(ADDRESS);
    await agree(page, 'wang');
    await signedIn(page, official('wang'));
  });

const insideWecom = (name) =>
  open(name, async (page, { answers }) => {
    await page.goto(ADDRESS);
    await agree(page, 'zhang');
    const authorize = sentTo(answers);
    assert.equal(authorize.pathname, '/connect/oauth2/authorize');
    assert.deepEqual([authorize.searchParams.get('appid'), authorize.searchParams.get('agentid')], [corporation, '1000002']);
    await signedIn(page, member('zhang', 'snsapi_privateinfo'));
    await leave(page);
  });

// A desktop that scans at WeChat or WeCom: the code is read off the screen, and the phone says yes on its own page.
const scansAt = (pathname, user, expected, phone, choice) =>
  open(DESKTOP, async (page, { answers, picture }) => {
    await page.goto(ADDRESS);
    if (choice) {
      await page.waitForSelector('.ways a');
      await picture('matrix-chooser');
      await page.click(`.ways a[href*="door=${choice}"]`);
    }
    await page.waitForURL((url) => url.pathname === pathname);
    assert.equal(sentTo(answers).pathname, pathname);
    const link = await scan(page, '.qr .code');
    await client(browser, [gate, wechat], phone, async (phonePage) => {
      await phonePage.goto(link);
      await agree(phonePage, user);
    });
    await signedIn(page, expected);
    await leave(page);
  });

// A desktop that is signed in by the account of a phone, which reads the code and types the number.
const handsOff = (chosen) =>
  open(DESKTOP, async (page, { picture }) => {
    await page.goto(ADDRESS);
    if (chosen) await page.click('.ways a[href*="door=handoff"]');
    await page.waitForSelector('#waiting');
    await picture('matrix-handoff-desktop');
    const link = await scan(page, '#code svg');
    assert.ok(link.startsWith(`${gate}/_wechat/handoff`), link);
    await client(browser, [gate, wechat], 'WeChat on iOS', async (phone, { picture: phonePicture }) => {
      await phone.goto(link);
      await agree(phone, 'lin');
      await page.waitForFunction(() => /^\d\d$/.test(document.getElementById('number').textContent));
      await phone.fill('#number', await page.textContent('#number'));
      await phonePicture('matrix-handoff-phone');
      await phone.click('button[value=allow]');
      await phone.waitForSelector('form', { state: 'detached' });
    });
    await signedIn(page, official('lin'));
    await leave(page);
  });

// And one whose phone says no: nobody is signed in, and nothing goes on by itself.
const handsOffInVain = () =>
  open(DESKTOP, async (page) => {
    await page.goto(ADDRESS);
    const link = await scan(page, '#code svg');
    await client(browser, [gate, wechat], 'WeChat on Android', async (phone) => {
      await phone.goto(link);
      await agree(phone, 'lin');
      await phone.click('button[value=refuse]');
      await phone.waitForSelector('form', { state: 'detached' });
    });
    await page.waitForSelector('text=login-declined');
    await signedOut(page);
  });

// A page that says where to open the address, and hands it over.
const outside = (name, drawn) =>
  open(name, async (page, { answers, context, picture }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gate });
    await page.goto(ADDRESS);
    await page.waitForSelector('text=not-in-wechat');
    assert.deepEqual(answers.map(({ status }) => status), ROUTE ? [200, 401] : [401]);
    assert.equal(await page.textContent('#address'), ADDRESS);
    if (drawn) assert.equal(await scan(page, '.qr svg'), ADDRESS);
    else assert.equal(await page.locator('.qr svg').count(), 0);
    // It says so for a moment only, which a busy machine could miss.
    await page.evaluate(() => {
      const button = document.querySelector('#copy');
      window.copied = new Promise((done) => {
        new MutationObserver(() => button.textContent === button.dataset.copied && done()).observe(button, { childList: true });
      });
    });
    await page.click('#copy');
    await page.evaluate(() => window.copied);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), ADDRESS);
    await picture(`matrix-${scene}-${name}`);
  });

// Without a window and without scripts: one plain request. (`fetch` would say that it is a script's.)
const read = (address, userAgent, accept, cookie = '') =>
  new Promise((done, failed) => {
    const headers = { 'user-agent': userAgent, accept, 'accept-language': 'en', cookie };
    get(new URL(address, gate), { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; });
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, text }));
    }).on('error', failed);
  });
const LYNX = 'Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1';
const LYNX_ACCEPTS = 'text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01';
// What a reader without styles and scripts sees.
const seen = (html) => html.replace(/<(style|script)[^]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ').replaceAll('&#x2f;', '/');

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

async function terminalReadsTheWay() {
  const answer = await read('/told?a=1', LYNX, LYNX_ACCEPTS);
  assert.equal(answer.status, 401);
  const text = seen(answer.text);
  assert.ok(text.includes(`${gate}/told?a=1`) && text.includes('not-in-wechat'), text);
}

// A browser in a terminal follows links and keeps cookies; the code it cannot draw is scanned all the same.
async function terminalSignsIn() {
  await ask(wechat, 'reset', {});
  const away = await read('/told?a=1', LYNX, LYNX_ACCEPTS);
  assert.equal(away.status, 302);
  const cookie = (answer) => (answer.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  assert.equal((await read(away.headers.location, LYNX, LYNX_ACCEPTS)).status, 200);
  await ask(wechat, 'qr', { do: 'confirm', user: 'lin' });
  const { redirect_url: callback } = (await ask(wechat, 'qr')).at(-1);
  const back = await read(callback, LYNX, LYNX_ACCEPTS, cookie(away));
  assert.deepEqual([back.status, back.headers.location], [303, '/told?a=1#']);
  const { target, ...told } = JSON.parse((await read('/told?a=1', LYNX, LYNX_ACCEPTS, cookie(back))).text);
  assert.equal(target, '/told?a=1');
  assert.equal(told['x-wechat-openid'], website('lin')['x-wechat-openid']);
}

// With every door open: by links alone as far as the chooser.
async function terminalChooses() {
  const href = ({ text }) => [...text.matchAll(/href="([^"]*)"/g)].map(([, link]) => link.replaceAll('&#x2f;', '/').replaceAll('&amp;', '&'));
  const [on, ...more] = href(await read('/told?a=1', LYNX, LYNX_ACCEPTS));
  assert.deepEqual([on, more], ['/_wechat/login?rd=/told%3Fa%3D1', []]);
  const doors = href(await read(on, LYNX, LYNX_ACCEPTS));
  const places = await Promise.all(doors.map(async (door) => (await read(door, LYNX, LYNX_ACCEPTS)).headers.location?.replace(/\?.*/, '')));
  assert.deepEqual(places, [`${wechat}/connect/qrconnect`, `${wechat}/wwlogin/sso/login`, undefined]);
}

const each = (names, does, step) => Object.fromEntries(names.map((name) => [`${name} ${does}`, () => step(name)]));
const throughOfficial = each(INSIDE, 'signs in through the official account', inside);
const someThroughOfficial = each(['WeChat on iOS', 'WeChat on Windows', 'a mini program'], 'signs in through the official account', inside);
const throughWecom = each(WECOM, 'signs in through WeCom', insideWecom);
const phonesAreShown = each(PHONES, 'is shown the way to WeChat', (name) => outside(name, false));
const atWechat = (choice) => scansAt('/connect/qrconnect', 'lin', website('lin'), 'WeChat on iOS', choice);
const atWecom = (choice) => scansAt('/wwlogin/sso/login', 'zhang', member('zhang', 'snsapi_base'), 'WeCom on a phone', choice);

const scenes = {
  official: {
    ...throughOfficial,
    ...phonesAreShown,
    ...each(WECOM, 'is shown the way to WeChat', (name) => outside(name, false)),
    'Chrome on a desktop is shown the address for a phone to scan': () => outside(DESKTOP, true),
    'curl is told where to sign in': curl,
    'a browser in a terminal can read where to go': terminalReadsTheWay,
  },
  website: {
    ...someThroughOfficial,
    ...phonesAreShown,
    'Chrome on a desktop scans at WeChat': () => atWechat(),
    'a browser in a terminal signs in by a phone': terminalSignsIn,
  },
  wecom: {
    ...throughWecom,
    ...each(['WeChat on iOS', 'WeChat on Windows'], 'is shown the way to WeCom', (name) => outside(name, false)),
    ...each(PHONES, 'is shown the way to WeCom', (name) => outside(name, false)),
    'Chrome on a desktop scans at WeCom': () => atWecom(),
    'curl is told where to sign in': curl,
  },
  handoff: {
    ...someThroughOfficial,
    ...phonesAreShown,
    'Chrome on a desktop is signed in by a phone': () => handsOff(),
    'Chrome on a desktop is not signed in by a phone that says no': handsOffInVain,
  },
  everything: {
    ...throughOfficial,
    ...throughWecom,
    ...phonesAreShown,
    'Chrome on a desktop chooses to scan at WeChat': () => atWechat('website_app'),
    'Chrome on a desktop chooses to scan at WeCom': () => atWecom('wecom'),
    'Chrome on a desktop chooses to be signed in by a phone': () => handsOff(true),
    'curl is told where to sign in': curl,
    'a browser in a terminal chooses by links': terminalChooses,
  },
};

await perform(browser, scenes[scene]);
