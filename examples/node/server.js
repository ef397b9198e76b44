// A plain Node site behind wxgate that believes nothing but the signature of the token it is sent.
import { createServer } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const PORT = Number(process.env.PORT ?? 8080);
// public_url of the gate: who signs the token, and whom it is for (identity.jwt.audience defaults to it).
const PUBLIC_URL = process.env.PUBLIC_URL ?? 'http://127.0.0.1:4180';
// Where this server reaches the gate. On one machine that is loopback, whatever the public address is.
const GATE = process.env.GATE ?? 'http://127.0.0.1:4180';

const keys = createRemoteJWKSet(new URL('/_wechat/jwks.json', GATE));

// The visitor's claims, or undefined; throws when the keys cannot be had. Leave none of these checks out: a token for another site, of another issuer, an
// expired one, or one signed in a way the sender chose is no proof of anything.
async function visitor(request) {
  const token = request.headers['x-wechat-jwt'];
  if (!token) return undefined;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['ES256'],
      issuer: PUBLIC_URL,
      audience: PUBLIC_URL,
      requiredClaims: ['sub', 'exp'],
    });
    return payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) throw error;
    console.warn(`token refused: ${error.code}`);
    return undefined;
  }
}

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const page = (title, main) => `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · wxgate</title>
${main}
`;

const home = () => page('Node 示例', `<h1>Node 示例 <small>Node example</small></h1>
<p><a href="/member">会员页 <small>Members</small></a></p>`);

const member = (claims) => page('会员页', `<h1>你好，${escape(claims.nickname ?? '朋友')}</h1>
${claims.picture ? `<p><img src="${escape(claims.picture)}" width="96" height="96" alt="" referrerpolicy="no-referrer"></p>` : ''}
<p>openid: <code>${escape(claims.sub)}</code></p>
<form method="post" action="/_wechat/logout">
<input type="hidden" name="rd" value="/">
<button>退出 <small>Sign out</small></button>
</form>`);

const server = createServer(async (request, response) => {
  const send = (status, body) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(body);
  };
  const path = request.url.split('?')[0];
  if (path === '/') return send(200, home());
  if (path !== '/member') return send(404, page('404', '<p>Not here.</p>'));
  let claims;
  try {
    claims = await visitor(request);
  } catch (error) {
    console.error(`no public keys from ${GATE}: ${error.cause?.code ?? error.message}`);
    return send(503, page('503', '<p>Please try again in a moment.</p>'));
  }
  if (!claims) return send(401, page('401', '<p>No valid token: this page is meant to be reached through wxgate.</p>'));
  return send(200, member(claims));
});

// Loopback only, although the signature would hold on any network: what need not be reachable should not be.
server.listen(PORT, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
