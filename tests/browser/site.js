// A site for the gate to stand before: pages with hash routers, and a page that shows what the site was told.
// `PORT=0 node site.js` says where it listens.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = (name) => createRequire(import.meta.url).resolve(`${name}/package.json`).replace(/package\.json$/, '');
// As they come from npm, ready for a page without a bundler.
const LIBRARIES = {
  '/lib/vue.js': folder('vue') + 'dist/vue.global.prod.js',
  '/lib/vue-router.js': folder('vue-router') + 'dist/vue-router.global.prod.js',
  '/lib/react.js': folder('react') + 'umd/react.production.min.js',
  '/lib/react-dom.js': folder('react-dom') + 'umd/react-dom.production.min.js',
  '/lib/remix-router.js': folder('@remix-run/router') + 'dist/router.umd.min.js',
  '/lib/react-router.js': folder('react-router') + 'dist/umd/react-router.production.min.js',
  '/lib/react-router-dom.js': folder('react-router-dom') + 'dist/umd/react-router-dom.production.min.js',
};

const page = (title, libraries, script) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<link rel="icon" href="data:,">
<div id="app"></div>
${libraries.map((name) => `<script src="/lib/${name}.js"></script>`).join('\n')}
<script>
${script}
</script>
`;

const VUE = page('Vue', ['vue', 'vue-router'], `
var h = Vue.h, RouterLink = VueRouter.RouterLink;
var Home = { render: function () { return h('p', { id: 'view' }, 'home'); } };
var Order = { render: function () {
  return h('p', { id: 'view' }, 'order ' + this.$route.params.id + ' ' + (this.$route.query.tab || ''));
} };
var router = VueRouter.createRouter({
  history: VueRouter.createWebHashHistory(),
  routes: [{ path: '/', component: Home }, { path: '/orders/:id', component: Order }],
});
Vue.createApp({ render: function () {
  return [h(RouterLink, { to: '/orders/8', id: 'next' }, function () { return 'next'; }), h(VueRouter.RouterView)];
} }).use(router).mount('#app');`);

const REACT = page('React', ['react', 'react-dom', 'remix-router', 'react-router', 'react-router-dom'], `
var h = React.createElement, R = ReactRouterDOM;
function Home() { return h('p', { id: 'view' }, 'home'); }
function Order() {
  var tab = R.useSearchParams()[0].get('tab') || '';
  return h('p', { id: 'view' }, 'order ' + R.useParams().id + ' ' + tab);
}
ReactDOM.createRoot(document.getElementById('app')).render(h(R.HashRouter, null,
  h(R.Link, { to: '/orders/8', id: 'next' }, 'next'),
  h(R.Routes, null,
    h(R.Route, { path: '/', element: h(Home) }),
    h(R.Route, { path: '/orders/:id', element: h(Order) }))));`);

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function told(request) {
  const identity = Object.entries(request.headers).filter(([name]) => name.startsWith('x-wechat-'));
  return JSON.stringify({ target: request.url, ...Object.fromEntries(identity) }, null, 2);
}

const server = createServer((request, response) => {
  const path = request.url.split('?')[0];
  const answer = (type, body) => response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' }).end(body);
  if (LIBRARIES[path]) answer('text/javascript; charset=utf-8', readFileSync(LIBRARIES[path]));
  else if (path === '/vue') answer('text/html; charset=utf-8', VUE);
  else if (path === '/react') answer('text/html; charset=utf-8', REACT);
  else if (path === '/told') answer('application/json', told(request));
  else answer('text/html; charset=utf-8', `<!doctype html><link rel="icon" href="data:,"><pre id="told">${escaped(told(request))}</pre>`);
});

// Loopback only: the gate is the way in.
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
