// A desktop and a phone, each a browser of its own, where not everything works: `node handoff.js GATE WECHAT`.
import assert from 'node:assert/strict';
import { ask, client, launch, perform } from './clients.js';

const [gate, wechat] = process.argv.slice(2);
const browser = await launch();
const PLACE = '/orders/7?from=menu';

// The desktop asks for a page; its code is taken as a phone would read it (`matrix.js` reads it off the screen).
async function desktop(run, options, place = PLACE) {
  await ask(wechat, 'reset', {});
  await client(browser, [gate, wechat], 'Chrome on a desktop', async (page) => {
    const heard = [];
    page.on('request', (request) => heard.push(new URL(request.url()).pathname));
    await options?.before?.(page);
    await page.goto(gate + place);
    const events = await page.getAttribute('#waiting', 'data-events');
    await run(page, `${gate}/_wechat/handoff?t=${new URL(events, gate).searchParams.get('t')}`, heard);
  }, options?.context);
}

// The phone scans, signs in, and says something once the desktop shows a number.
async function phone(link, number, say) {
  await client(browser, [gate, wechat], 'WeChat on Android', async (page) => {
    await page.goto(link);
    await page.click('button[name=user][value="lin"]');
    await page.click('button[name=answer][value=allow]');
    await page.waitForSelector('#number');
    await say(page, await number());
  });
}

const shown = (page) => async () => {
  await page.waitForFunction(() => /^\d\d$/.test(document.getElementById('number')?.textContent));
  return page.textContent('#number');
};

async function type(page, number) {
  await page.fill('#number', number);
  await page.click('button[value=allow]');
  await page.waitForSelector('form', { state: 'detached' });
}

async function isIn(page, address) {
  await page.waitForSelector('#told');
  assert.equal(page.url(), gate + address);
  const told = JSON.parse(await page.textContent('#told'));
  assert.equal(told['x-wechat-account'], 'official_account');
}

async function isOut(page) {
  const cookies = (await page.context().cookies(gate)).map(({ name, value }) => `${name}=${value}`);
  const { status } = await fetch(`${gate}/_wechat/me`, { headers: { cookie: cookies.join('; ') } });
  assert.equal(status, 401);
}

// However long a busy machine takes over the stream, the page does not take it for dumb.
const patient = (page) => page.addInitScript(() => {
  const later = window.setTimeout;
  window.setTimeout = (work, after) => later(work, after === 4000 ? 60_000 : after);
});

await perform(browser, {
  'the stream alone brings the desktop in, and keeps the fragment of the page it waited on': () =>
    desktop(async (page, link, heard) => {
      await phone(link, shown(page), type);
      await isIn(page, `${PLACE}#/tea/3`);
      assert.ok(heard.includes('/_wechat/handoff/wait') && !heard.includes('/_wechat/handoff/state'), heard.join(' '));
    }, { before: patient }, `${PLACE}#/tea/3`),

  'without EventSource the desktop asks': () =>
    desktop(async (page, link, heard) => {
      await phone(link, shown(page), type);
      await isIn(page, PLACE);
      assert.ok(!heard.includes('/_wechat/handoff/wait') && heard.includes('/_wechat/handoff/state'), heard.join(' '));
    }, { before: (page) => page.addInitScript(() => { delete window.EventSource; }) }),

  // As behind a proxy that hands nothing on before the end.
  'where the stream says nothing the desktop asks': () =>
    desktop(async (page, link, heard) => {
      await phone(link, shown(page), type);
      await isIn(page, PLACE);
      assert.ok(heard.includes('/_wechat/handoff/state'), heard.join(' '));
    }, { before: (page) => page.route('**/_wechat/handoff/wait*', () => {}) }),

  'without script the page looks again by itself': () =>
    desktop(async (page, link) => {
      const number = async () => {
        await page.waitForSelector('#scanned:not([hidden])');
        return (await page.textContent('#number')).trim();
      };
      await phone(link, number, type);
      await isIn(page, PLACE);
    }, { context: { javaScriptEnabled: false } }),

  'a wrong number signs nobody in and says so on both screens': () =>
    desktop(async (page, link) => {
      await phone(link, shown(page), async (phonePage, number) => {
        await type(phonePage, number === '10' ? '11' : '10');
        await phonePage.waitForSelector('text=login-declined');
      });
      await page.waitForSelector('text=login-declined');
      await isOut(page);
      // And the way to try again leads to a code of its own.
      await page.click('a.button');
      await page.waitForSelector('#code svg');
      const again = await page.getAttribute('#waiting', 'data-events');
      assert.ok(!link.endsWith(new URL(again, gate).searchParams.get('t')));
    }),

  'whoever has seen the screen gets nothing of it': () =>
    desktop(async (page, link) => {
      const next = await page.getAttribute('#next', 'href');
      await client(browser, [gate, wechat], 'Chrome on a desktop', async (onlooker) => {
        await phone(link, shown(page), type);
        await onlooker.goto(gate + next);
        await onlooker.waitForSelector('text=login-expired');
        await isOut(onlooker);
      });
      await isIn(page, PLACE);
    }),
});
