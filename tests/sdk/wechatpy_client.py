"""wechatpy from PyPI, as an application of the operator's uses it: its base URL is the gate's admin listener, and a header
brings the admin token. wechatpy writes the address of the token endpoint out in full, hence the second method.
Says as JSON what came of it."""

import json
import sys

from wechatpy.client import WeChatClient
from wechatpy.exceptions import WeChatClientException

GATE, APPID, ADMIN_TOKEN, PAGE = sys.argv[1:]


class GateClient(WeChatClient):
    API_BASE_URL = GATE + "/cgi-bin/"

    def __init__(self, appid, admin_token):
        super().__init__(appid, "the-gate-looks-at-no-secret")
        self._http.headers["Authorization"] = "Bearer " + admin_token

    def fetch_access_token(self):
        params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(self.API_BASE_URL + "token", params)


def refusal(appid, admin_token):
    try:
        GateClient(appid, admin_token).fetch_access_token()
    except WeChatClientException as error:
        return error.errcode if error.errcode is not None else "status code: %d" % error.response.status_code
    return "none"


api = GateClient(APPID, ADMIN_TOKEN)
access_token = api.access_token
jsapi = api.jsapi.get_jsapi_ticket()
signature = api.jsapi.get_jsapi_signature("abc", jsapi, 1700000000, PAGE)

# A token from elsewhere: WeChat's 40001 makes the SDK fetch another and try again.
astray = GateClient(APPID, ADMIN_TOKEN)
astray.session.set(astray.access_token_key, "somebody-elses")

print(
    json.dumps(
        {
            "access_token": access_token,
            "jsapi": jsapi,
            "wx_card": api.jsapi.get_jsapi_card_ticket(),
            "config": {"appId": APPID, "nonceStr": "abc", "timestamp": 1700000000, "signature": signature},
            "healed": astray.jsapi.get_jsapi_ticket(),
            "wrong_appid": refusal("wx0000000000000000", ADMIN_TOKEN),
            "wrong_token": refusal(APPID, "not the admin token"),
        }
    )
)
