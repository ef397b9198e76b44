// Every page there is, from a small server of the test's own. `node gallery.js URL NAMES`: NAMES is JSON.
import assert from 'node:assert/strict';
import { lookAt } from './look.js';

const [url, names] = [process.argv[2], JSON.parse(process.argv[3])];

const special = {
  // Here there is nowhere to go on to; that it goes there with the fragment is for fragment.js.
  fragment: { leaves: true, nowhere: '/_wechat/login' },
  'handoff-scanned': { ready: '#scanned:not([hidden])' },
  // Where no stream of events comes, the page asks by itself, hears that it is over, and goes on.
  'handoff-polling': { ready: 'body:not(:has(#waiting)) h1', leaves: true, after: (page) => assert.match(page.url(), /settled-confirmed$/) },
};
await lookAt(names.map((name) => ({ name, url: `${url}/${name}`, ...special[name] })));
