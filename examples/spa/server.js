// The files of a single-page application, and nothing else: who is there and what WeChat wants signed is the gate's affair.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const PORT = Number(process.env.PORT ?? 8080);
const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const file = (name) => readFileSync(new URL(`public/${name}`, import.meta.url));

// A bundler would do this: the package is a CommonJS module, and the page wants window.wx.
const sdk = readFileSync(createRequire(import.meta.url).resolve('weixin-js-sdk'), 'utf8');
const bundle = `window.wx = (function (module) {\n${sdk}\nreturn module.exports;\n})({});\n`;

const files = new Map([
  ['/app.js', [SCRIPT, file('app.js')]],
  ['/helper.js', [SCRIPT, file('helper.js')]],
  ['/style.css', ['text/css; charset=utf-8', file('style.css')]],
  ['/weixin-js-sdk.js', [SCRIPT, bundle]],
]);

const server = createServer((request, response) => {
  const path = request.url.split('?')[0];
  // Every other path is a route of the application.
  const page = path.startsWith('/helper') ? 'helper.html' : 'index.html';
  const [type, body] = files.get(path) ?? [HTML, file(page)];
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
  response.end(body);
});

// Loopback only: the gate is the way in.
server.listen(PORT, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
