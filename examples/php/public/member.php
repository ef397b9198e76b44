<?php
// These headers are true only because nobody but wxgate can reach this server: it listens on 127.0.0.1, and wxgate removes
// whatever a visitor sends under these names. On an address that others can reach, anybody could claim to be anyone.
$openid = $_SERVER['HTTP_X_WECHAT_OPENID'] ?? '';
$nickname = rawurldecode($_SERVER['HTTP_X_WECHAT_NICKNAME'] ?? '');
$avatar = $_SERVER['HTTP_X_WECHAT_AVATAR'] ?? '';
// One person has another openid at every account; the unionid, where WeChat tells it, is the same at all of an owner's.
$appid = $_SERVER['HTTP_X_WECHAT_APPID'] ?? '';
$unionid = $_SERVER['HTTP_X_WECHAT_UNIONID'] ?? null;

if ($openid === '') {
    http_response_code(401);
    exit('No visitor: this page is meant to be reached through wxgate.');
}
?>
<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>会员页 · wxgate</title>
<h1>你好，<?= htmlspecialchars($nickname !== '' ? $nickname : '朋友') ?></h1>
<?php if ($avatar !== ''): ?>
<p><img src="<?= htmlspecialchars($avatar) ?>" width="96" height="96" alt="" referrerpolicy="no-referrer"></p>
<?php endif ?>
<p>openid: <code><?= htmlspecialchars($openid) ?></code> (<?= htmlspecialchars($appid) ?>)</p>
<?php if ($unionid !== null): ?>
<p>unionid: <code><?= htmlspecialchars($unionid) ?></code></p>
<?php endif ?>
<form method="post" action="/_wechat/logout">
<input type="hidden" name="rd" value="/">
<button>退出 <small>Sign out</small></button>
</form>
