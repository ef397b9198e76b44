// Hash routers behind the gate with `keep_fragment`: `node fragment.js GATE WECHAT`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'acorn';
import { ask, client, launch, perform } from './clients.js';

const [gate, wechat] = process.argv.slice(2);
const browser = await launch();
const open = (name, run, options) => client(browser, [gate, wechat], name, run, options);
const view = (page, text) => page.waitForFunction((wanted) => document.getElementById('view')?.textContent === wanted, text);
const ours = (answers) => answers.filter(({ url, status }) => url.startsWith(gate) && status === 200 && !url.includes('/_wechat/'));

await ask(wechat, 'auto', { user: 'lin', answer: 'allow' });

const steps = {};
for (const framework of ['vue', 'react']) {
  for (const name of ['WeChat on iOS', 'WeChat on Android', 'WeChat on Windows']) {
    steps[`a route of ${framework} survives the sign-in, in ${name}`] = () =>
      open(name, async (page, { answers }) => {
        const address = `${gate}/${framework}?from=menu&isappinstalled=0#/orders/7?tab=open`;
        await page.goto(address);
        await view(page, 'order 7 open');
        assert.equal(page.url(), address);
        // The gate's page, then the site's: no round more than that, and no step of the history between.
        assert.equal(ours(answers).length, 2);
        assert.equal(await page.evaluate(() => history.length), 2);
        // From now on the site answers at once.
        await page.click('#next');
        await view(page, 'order 8 ');
        await page.reload();
        await view(page, 'order 8 ');
        assert.equal(ours(answers).length, 3);
        await page.goBack();
        await view(page, 'order 7 open');
      });
  }

  steps[`a page of ${framework} without a route begins at its front page`] = () =>
    open('WeChat on Android', async (page) => {
      await page.goto(`${gate}/${framework}`);
      await view(page, 'home');
    });

  steps[`a route of ${framework} in odd characters survives`] = () =>
    open('WeChat on iOS', async (page) => {
      await page.goto(`${gate}/${framework}#/orders/茶%20%23%26$&?tab=a%26b%3D1`);
      await view(page, 'order 茶 #&$& a&b=1');
    });

  steps[`a route of ${framework} survives a refusal and another try`] = () =>
    open('WeChat on Android', async (page) => {
      await ask(wechat, 'auto', { user: 'lin', answer: 'refuse-no-code' });
      await page.goto(`${gate}/${framework}#/orders/7`);
      await page.waitForSelector('text=login-declined');
      await ask(wechat, 'auto', { user: 'lin', answer: 'allow' });
      await page.click('a.button');
      await view(page, 'order 7 ');
    });
}

steps['a route survives while WeChat asks'] = () =>
  open('WeChat on iOS', async (page) => {
    await ask(wechat, 'auto', { user: null });
    await page.goto(`${gate}/vue#/orders/7?tab=asked`);
    await page.click('button[name=user][value=lin]');
    await view(page, 'order 7 asked');
    await ask(wechat, 'auto', { user: 'lin', answer: 'allow' });
  });

steps['without scripts a link leads on, to the page without its route'] = () =>
  open('WeChat on Android', async (page, { answers, picture }) => {
    await page.goto(`${gate}/told?a=1#/orders/7`);
    assert.equal(ours(answers).length, 1);
    await picture('fragment');
    await page.click('a.button');
    assert.match(await page.innerText('body'), /"target": "\/told\?a=1"[^]*"x-wechat-openid": "o/);
  }, { javaScriptEnabled: false });

steps['outside WeChat the address to open there has its route'] = () =>
  open('Chrome on a phone', async (page) => {
    await page.goto(`${gate}/vue#/orders/7`);
    await page.waitForFunction((wanted) => document.getElementById('address')?.textContent === wanted, `${gate}/vue#/orders/7`);
  });

steps['the script is ES5'] = async () => {
  const script = readFileSync(new URL('../../src/edge/pages/templates/fragment.js', import.meta.url), 'utf8');
  parse(script, { ecmaVersion: 5 });
};

await perform(browser, steps);
