// The browsers of the tests: Chromium under the user agent of each client there is, watched for everything that a page of
// ours must not do.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const PIXEL = 'Mozilla/5.0 (Linux; Android 13; V2238A Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/111.0.5563.116 Mobile Safari/537.36';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)';
const ANDROID_WECHAT = 'XWEB/1110005 MMWEBSDK/20230805 MMWEBID/4650 MicroMessenger/8.0.42.2460(0x28002A58) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64';

// As seen in the wild (WECHAT.md section 8.1).
export const AGENTS = {
  'WeChat on iOS': `${IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN`,
  'WeChat on Android': `${PIXEL} ${ANDROID_WECHAT}`,
  'WeChat on an old Android': 'Mozilla/5.0 (Linux; Android 6.0; PRO 6) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/53.0.2785.49 Mobile MQQBrowser/6.2 TBS/044409 Safari/537.36 MicroMessenger/6.5.13.1100 NetType/WIFI Language/zh_CN',
  'WeChat on Windows, old': `Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/39.0.2171.95 Safari/537.36 MicroMessenger/6.5.2.501 NetType/WIFI WindowsWechat`,
  'WeChat on Windows': `${WINDOWS} Chrome/126.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf2541518) XWEB/17071`,
  'WeChat on a Mac, old': `${MAC} MicroMessenger/6.8.0(0x16080000) MacWechat/3.0.1(0x13000110) NetType/WIFI WindowsWechat`,
  'WeChat on a Mac': `${MAC} Chrome/126.0.0.0 Safari/537.36 MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf2641210) XWEB/16816`,
  'WeChat DevTools': `${WINDOWS} Chrome/107.0.0.0 Safari/537.36 wechatdevtools/1.06.2209190 MicroMessenger/8.0.5 Language/zh_CN webview/16364215743155638`,
  'a mini program': `${PIXEL} ${ANDROID_WECHAT} miniProgram/wx0123456789abcdef`,
  'WeCom on a phone': `${IPHONE} Mobile/15E148 wxwork/3.1.9 MicroMessenger/7.0.1 Language/zh ColorScheme/Light`,
  'WeCom on a desktop': `${WINDOWS} Chrome/109.0.0.0 Safari/537.36 wxwork/3.1.8 (MicroMessenger/6.2) WeChat/2.0.4`,
  'Chrome on a desktop': `${WINDOWS} Chrome/131.0.0.0 Safari/537.36`,
  'Chrome on a phone': 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  'Safari on a phone': `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`,
};

// Far more than any page here takes, on a busy machine too.
export const PATIENCE = 60_000;

// What the simulator's control side says.
export async function ask(wechat, path, body, method = 'POST') {
  const response = await fetch(`${wechat}/__sim/${path}`, body && { method, body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

export async function launch(...more) {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  // As root, and in most containers, Chromium refuses to start with its sandbox. It only sees our own pages.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...more] });
}

// Opens one client with a jar of its own and lets `run(page, watch)` use it. Fails for every script error, console error,
// breach of a content security policy and request to somewhere other than `origins`.
export async function client(browser, origins, name, run, options = {}) {
  const userAgent = AGENTS[name] ?? name;
  const isMobile = /Mobile/.test(userAgent);
  const viewport = isMobile ? { width: 390, height: 760 } : { width: 1200, height: 800 };
  const context = await browser.newContext({ userAgent, isMobile, hasTouch: isMobile, viewport, locale: 'zh-CN', ...options });
  context.setDefaultTimeout(PATIENCE);
  const found = [];
  await context.exposeFunction('__breach', (text) => found.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.__breach(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  const page = await context.newPage();
  const refused = new Set();
  const answers = [];
  page.on('pageerror', (error) => found.push(`script: ${error.stack}`));
  page.on('console', (message) => {
    // A page that comes with 401 or 403 is told of as if it were missing.
    const told = /^Failed to load resource/.test(message.text()) && refused.has(message.location().url.split('#')[0]);
    if (message.type() === 'error' && !told) found.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(data|about|blob):/.test(url) && !origins.some((origin) => url.startsWith(`${origin}/`))) found.push(`request: ${url}`);
  });
  page.on('response', async (response) => {
    if (!response.request().isNavigationRequest()) return;
    const [url, status, headers] = [response.url(), response.status(), response.headers()];
    answers.push({ url, status, headers });
    if (status >= 400) refused.add(url.split('#')[0]);
    const own = url.startsWith(`${origins[0]}/`) && /default-src 'none'/.test(headers['content-security-policy']);
    if (own && (await response.body().catch(() => '')).length > 30_000) found.push(`size: ${url}`);
  });
  const watch = {
    // Every answer to a navigation so far, oldest first.
    answers,
    context,
    picture: async (file) => {
      if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${file}.png`, fullPage: true });
    },
  };
  try {
    await run(page, watch);
  } catch (error) {
    throw new Error(`${name} at ${page.url()}:\n${error.stack}\n${found.join('\n')}\n${await page.innerText('body').catch(() => '')}`);
  }
  assert.deepEqual(found, [], name);
  await context.close();
}

// Runs every step, says which failed, and ends the program.
export async function perform(browser, steps) {
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}
