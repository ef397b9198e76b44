// co-wechat-api from npm, as an application of the operator's uses it: its base URL is the gate's admin listener, and a
// header brings the admin token. Nothing else is changed. Says as JSON what came of it.
'use strict';

const API = require('co-wechat-api');

const [gate, appid, adminToken, page] = process.argv.slice(2);

function client(appid, adminToken) {
  const api = new API(appid, 'the-gate-looks-at-no-secret');
  api.prefix = `${gate}/cgi-bin/`;
  api.setOpts({ headers: { Authorization: `Bearer ${adminToken}` } });
  // Its own three seconds are few on a busy machine.
  api.defaults.timeout = 60_000;
  return api;
}

async function refusal(attempt) {
  try {
    await attempt;
    return 'none';
  } catch (error) {
    return error.code || error.message.replace(/^.*, /, '');
  }
}

async function main() {
  const api = client(appid, adminToken);
  const { accessToken } = await api.getAccessToken();
  const { ticket: jsapi } = await api.getTicket('jsapi');
  const { ticket: card } = await api.getTicket('wx_card');
  const config = await api.getJsConfig({ debug: false, jsApiList: ['chooseImage'], url: page });

  // A token from elsewhere: WeChat's 40001 makes the SDK fetch another and try again.
  const astray = client(appid, adminToken);
  await astray.saveToken(new API.AccessToken('somebody-elses', Date.now() + 3600 * 1000));
  const { ticket: healed } = await astray.getTicket('jsapi');

  console.log(JSON.stringify({
    access_token: accessToken,
    jsapi,
    wx_card: card,
    config,
    healed,
    wrong_appid: await refusal(client('wx0000000000000000', adminToken).getAccessToken()),
    wrong_token: await refusal(client(appid, 'not the admin token').getAccessToken()),
  }));
}

// The SDK's timers would be waited for.
main().then(() => process.exit(0)).catch((error) => {
  console.error(error);
  process.exit(1);
});
