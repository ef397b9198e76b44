// The course page (examples/spa) in WeChat's webviews, as far as an ordinary browser can play them: their user agents, and
// the simulator's stand-in for the app's bridge. `node spa.js GATE WECHAT`; with SCREENSHOTS=folder it leaves pictures.
import assert from 'node:assert/strict';
import { AGENTS, PATIENCE, ask, launch, perform } from './clients.js';

const [gate, wechat] = process.argv.slice(2);
const [IOS, ANDROID] = [AGENTS['WeChat on iOS'], AGENTS['WeChat on Android']];
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.0.0 Safari/537.36 MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF MacWechat/3.8.7(0x13080712) XWEB/1191';

// What WeChat's app thought of every wx.config so far: the URL it looked at, and the outcome.
async function judgements() {
  const answer = await ask(wechat, 'events');
  return (answer.events ?? answer)
    .filter((event) => event.kind === 'jssdk')
    .map((event) => [event.looked_at.replace(gate, ''), event.outcome]);
}

await ask(wechat, 'auto', { user: 'lin', answer: 'allow' });
const bridge = await (await fetch(`${wechat}/__sim/bridge.js`)).text();
// Pages that are made up here come from no network, and would not be let into the one where the app's judge is.
const browser = await launch('--disable-features=LocalNetworkAccessChecks');

// One webview with a jar of its own. `told`: the user agent that its pages read, where that is another than the app's.
async function webview(userAgent, run, told = userAgent) {
  const context = await browser.newContext({ userAgent, viewport: { width: 390, height: 700 }, deviceScaleFactor: 2 });
  const pretence = `Object.defineProperty(navigator, 'userAgent', { get: () => ${JSON.stringify(told)} });`;
  context.setDefaultTimeout(PATIENCE);
  await context.addInitScript(`${bridge}\n${pretence}`);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.stack));
  const seen = (await judgements()).length;
  const tools = {
    status: (text) => page.waitForFunction((wanted) => document.getElementById('status').textContent === wanted, text),
    greeted: () => page.waitForFunction(() => document.getElementById('user').textContent === '你好，林小雨🌧️'),
    // Waits until the app has judged as often as is expected, then compares.
    judged: async (expected) => {
      const began = Date.now();
      let all = [];
      while (all.length < expected.length && Date.now() - began < PATIENCE) all = (await judgements()).slice(seen);
      assert.deepEqual(all, expected);
    },
    picture: async (name) => {
      if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });
    },
  };
  await run(page, tools);
  assert.deepEqual(errors, []);
  await context.close();
}

const steps = {
  'the course page on Android signs each address it is at': () =>
    webview(ANDROID, async (page, { status, greeted, judged, picture }) => {
      await page.goto(`${gate}/?from=singlemessage&isappinstalled=0`);
      await greeted();
      await status('ready');
      await judged([['/?from=singlemessage&isappinstalled=0', 'ok']]);
      await page.click('#share');
      await status('updateAppMessageShareData:ok');
      await picture('android-landing');
      await page.click('a[href="/item/2?from=menu"]');
      await judged([['/?from=singlemessage&isappinstalled=0', 'ok'], ['/item/2?from=menu', 'ok']]);
      await page.waitForFunction(() => window.__simBridge.calls.filter((call) => call.name === 'preVerifyJSAPI').length === 2);
      await page.click('#share');
      await status('updateAppMessageShareData:ok');
      await picture('android-route');
    }),

  'the course page on iOS signs the address it was loaded at': () =>
    webview(IOS, async (page, { status, greeted, judged, picture }) => {
      await page.goto(`${gate}/item/1`);
      await greeted();
      await status('ready');
      await judged([['/item/1', 'ok']]);
      await page.click('a[href="/item/2?from=menu"]');
      await page.click('#share');
      await status('updateAppMessageShareData:ok');
      await judged([['/item/1', 'ok']]);
      await picture('ios-route');
    }),

  'wx.js on Android signs again by itself after a change of route, and not for a fragment': () =>
    webview(ANDROID, async (page, { status, greeted, judged, picture }) => {
      await page.goto(`${gate}/helper#top`);
      await greeted();
      await status('config:ok');
      await page.evaluate(() => { location.hash = '#bottom'; });
      await page.click('a[href="/helper/1"]');
      await judged([['/helper', 'ok'], ['/helper/1', 'ok']]);
      await page.goBack();
      await judged([['/helper', 'ok'], ['/helper/1', 'ok'], ['/helper', 'ok']]);
      await page.waitForFunction(() => window.__simBridge.calls.filter((call) => call.name === 'preVerifyJSAPI').length === 3);
      await page.click('#scan');
      await status('scanQRCode:ok');
      await picture('helper');
      // A promise for where the page is by now, although others are under way.
      const config = await page.evaluate(() => {
        var first = wxgate.config({ jsApiList: ['chooseImage'], debug: false });
        history.pushState(null, '', '/helper/2?a=%2B+b');
        return first;
      });
      assert.deepEqual(config.jsApiList, ['chooseImage']);
      const last = (await judgements()).at(-1);
      assert.deepEqual(last, ['/helper/2?a=%2B+b', 'ok']);
    }),

  'wx.js on iOS signs the address it was loaded at, whatever the router does': () =>
    webview(IOS, async (page, { status, greeted, judged }) => {
      await page.goto(`${gate}/helper/1?x=%E8%8C%B6`);
      await greeted();
      await status('config:ok');
      await page.click('a[href="/helper/2?from=menu"]');
      await page.evaluate(() => wxgate.config({ jsApiList: ['scanQRCode'] }));
      await page.click('#scan');
      await status('scanQRCode:ok');
      await judged([['/helper/1?x=%E8%8C%B6', 'ok'], ['/helper/1?x=%E8%8C%B6', 'ok']]);
    }),

  // An app that holds to the first address, and a page that cannot tell.
  'wx.js tries the other address where its guess is wrong, once': () =>
    webview(IOS, async (page, { greeted, judged }) => {
      await page.goto(`${gate}/helper`);
      await greeted();
      await judged([['/helper', 'ok']]);
      await page.evaluate(() => { history.pushState(null, '', '/helper/1'); });
      await judged([['/helper', 'ok'], ['/helper', 'invalid signature'], ['/helper', 'ok']]);
      await page.evaluate(() => { history.pushState(null, '', '/helper/2'); });
      await page.evaluate(() => wxgate.config());
      await judged([['/helper', 'ok'], ['/helper', 'invalid signature'], ['/helper', 'ok'], ['/helper', 'ok']]);
    }, MAC),

  'wx.js says why when the app says no': () =>
    webview(ANDROID, async (page, { greeted, status }) => {
      const accounts = await ask(wechat, 'accounts');
      await ask(wechat, 'accounts', accounts.map((account) => ({ ...account, js_hosts: [] })));
      await page.goto(`${gate}/helper`);
      await greeted();
      await status('config:invalid url domain');
      await ask(wechat, 'accounts', accounts);
      await page.evaluate(() => wxgate.config());
    }),

  'wx.js says why when the gate says no': () =>
    webview(ANDROID, async (page, { greeted, status }) => {
      await page.goto(`${gate}/helper`);
      await greeted();
      await status('config:ok');
      const error = await page.evaluate(() => wxgate.config({ jsApiList: ['<b>'] }).catch(({ status, type }) => ({ status, type })));
      assert.deepEqual(error, { status: 400, type: 'urn:wxgate:bad-request' });
    }),

  'wx.js configures by itself where its tag says for what': () =>
    webview(ANDROID, async (page, { judged }) => {
      const html = '<script src="/_wechat/wx.js" data-api="scanQRCode, chooseImage"></script><script src="/weixin-js-sdk.js"></script>';
      await page.route('**/own', (route) => route.fulfill({ contentType: 'text/html', body: html }));
      await page.goto(`${gate}/own`);
      await judged([['/own', 'ok']]);
      const asked = await page.evaluate(() => window.__simBridge.calls[0].given.verifyJsApiList);
      assert.deepEqual(asked, ['scanQRCode', 'chooseImage']);
    }),

  'wx.js brings the SDK where the page has not, from the mirror if need be': () =>
    webview(ANDROID, async (page, { judged }) => {
      const sdk = await (await fetch(`${gate}/weixin-js-sdk.js`)).text();
      await page.route('**/own', (route) => route.fulfill({ contentType: 'text/html', body: '<script src="/_wechat/wx.js"></script>' }));
      await page.route('https://res.wx.qq.com/**', (route) => route.abort());
      await page.route('https://res2.wx.qq.com/open/js/jweixin-1.6.0.js', (route) => route.fulfill({ contentType: 'text/javascript', body: sdk }));
      await page.goto(`${gate}/own`);
      await page.evaluate(() => wxgate.config({ jsApiList: 'scanQRCode' }));
      await judged([['/own', 'ok']]);
    }),

  'wx.js settles on wx.ready and wx.error where it cannot hear the app itself': () =>
    webview(ANDROID, async (page) => {
      await page.route('**/own', (route) => route.fulfill({ contentType: 'text/html', body: '<script src="/_wechat/wx.js"></script>' }));
      await page.goto(`${gate}/own`);
      const outcomes = await page.evaluate(async () => {
        const of = (wx) => {
          window.wx = { config() {}, ready() {}, error() {}, ...wx };
          return wxgate.config({ jsApiList: ['a'], openTagList: ['b', 'c'], debug: true }).catch((error) => error.errMsg);
        };
        return [await of({ ready: (done) => done() }), await of({ error: (fail) => fail({ errMsg: 'config:fail' }) })];
      });
      const { debug, jsApiList, openTagList, url } = outcomes[0];
      assert.deepEqual({ debug, jsApiList, openTagList, url }, { debug: true, jsApiList: ['a'], openTagList: ['b', 'c'], url: `${gate}/own` });
      assert.equal(outcomes[1], 'config:fail');
    }),

  'wx.js on a desktop says that this is not WeChat, and tells who is there': () =>
    webview('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36', async (page) => {
      await page.goto(`${gate}/helper.js`);
      await page.addScriptTag({ url: '/_wechat/wx.js' });
      assert.equal(await page.evaluate(() => wxgate.me()), null);
      assert.equal(await page.evaluate(() => wxgate.config().catch((error) => error.message)), 'wxgate: not in WeChat');
    }),

  'wx.js signs out': () =>
    webview(IOS, async (page, { greeted }) => {
      await page.goto(`${gate}/helper`);
      await greeted();
      await page.route('**/wxAuthorize**', (route) => route.fulfill({ body: 'signed out' }));
      await page.click('#leave');
      await page.waitForURL('**/wxAuthorize?rd=%2Fhelper');
    }),
};

await perform(browser, steps);
