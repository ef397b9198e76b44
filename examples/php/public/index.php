<?php
// Everybody may see this page (auth = "optional" in config.toml): signed-in visitors are greeted by name.
$nickname = rawurldecode($_SERVER['HTTP_X_WECHAT_NICKNAME'] ?? '');
$signedIn = ($_SERVER['HTTP_X_WECHAT_OPENID'] ?? '') !== '';
?>
<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PHP 示例 · wxgate</title>
<h1>PHP 示例 <small>PHP example</small></h1>
<?php if ($signedIn): ?>
<p>欢迎回来，<?= htmlspecialchars($nickname !== '' ? $nickname : '朋友') ?>。</p>
<?php endif ?>
<p><a href="/member.php">会员页 <small>Members</small></a></p>
