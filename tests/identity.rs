//! What the site is told of its visitors: headers, signed tokens, and nothing a client made up.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use bytes::Bytes;
use http::Method;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, Settings};

use support::visit::within;
use support::{Answer, Browser, WECHAT, World};

const SHARED: &str = "a shared secret of 32 bytes or more";

/// A fresh private key as PKCS #8 in PEM, or the shared secret.
fn key(algorithm: &str) -> String {
    let random = SystemRandom::new();
    let der = match algorithm {
        "ES256" => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key").as_ref().to_vec()
        }
        "EdDSA" => Ed25519KeyPair::generate_pkcs8v1(&random).expect("a key").as_ref().to_vec(),
        "RS256" => {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("PKCS #8");
            der.as_ref().to_vec()
        }
        _ => return SHARED.to_owned(),
    };
    let base64 = data_encoding::BASE64.encode(&der);
    let lines: Vec<&str> = (0..base64.len()).step_by(64).map(|at| &base64[at..base64.len().min(at + 64)]).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// The token section of a configuration.
fn jwt(algorithm: &str, lines: &str) -> String {
    format!("[identity.jwt]\nalgorithm = '{algorithm}'\nkey = '''{}'''\n{lines}\n", key(algorithm))
}

/// What verifies the tokens of this world: its published keys, or the shared secret.
async fn verifier(world: &World, header: &Header) -> DecodingKey {
    let answer = world.browser("curl/8").fetch(&world.url("/_wechat/jwks.json")).await;
    assert_eq!(answer.status, 200, "no sign-in is needed");
    let set: JwkSet = serde_json::from_slice(&answer.body).expect("a JWK set");
    if header.alg == Algorithm::HS256 {
        assert!(set.keys.is_empty(), "a shared secret is never published");
        return DecodingKey::from_secret(SHARED.as_bytes());
    }
    let text = answer.text();
    for private in ["\"d\":", "\"p\":", "\"q\":", "\"k\":"] {
        assert!(!text.contains(private), "a private part is published: {private}");
    }
    let key = set.find(header.kid.as_deref().expect("a kid")).expect("the key of this token");
    DecodingKey::from_jwk(key).expect("a public key")
}

/// The claims of a token whose signature, issuer and audience are good. Its times are the gate's own and looked at here.
async fn claims(world: &World, token: &str, audience: &str) -> Value {
    let header = jsonwebtoken::decode_header(token).expect("a JWS header");
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[format!("http://{}", world.gate)]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
    let key = verifier(world, &header).await;
    let claims: Value = jsonwebtoken::decode(token, &key, &validation).expect("a good token").claims;
    let now = world.clock.now().0;
    let time = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("no {name}: {claims}"));
    assert!(time("iat") <= now && time("nbf") <= now && now < time("exp"), "{claims}");
    claims
}

/// The site's cookie of this name.
fn cookie(arrived: &Answer, name: &str) -> Option<String> {
    let line = arrived.told("cookie")?;
    let mut pairs = line.split("; ").filter_map(|pair| pair.split_once('=')).filter(|(found, _)| *found == name);
    let value = pairs.next().map(|(_, value)| value.to_owned());
    assert!(pairs.next().is_none(), "{name} came twice: {line}");
    value
}

#[tokio::test]
async fn r19_a_token_of_each_algorithm_carries_every_claim_and_verifies() {
    for algorithm in ["ES256", "EdDSA", "RS256", "HS256"] {
        let world = World::with(
            |text| within(&text, "official_account", "scope = 'userinfo'") + &jwt(algorithm, "header = 'X-Wechat-Jwt'"),
            Settings::default(),
        )
        .await;
        let mut browser = world.visitor("lin");
        let arrived = world.sign_in(&mut browser, "/").await;
        let token = arrived.told("x-wechat-jwt").expect("a token");
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(format!("{:?}", header.alg), algorithm);
        assert!(header.kid.is_some(), "{algorithm}");
        let claims = claims(&world, &token, &format!("http://{}", world.gate)).await;
        let person = world.person("lin").await;
        let mut expected = json!({
            "iss": format!("http://{}", world.gate), "aud": format!("http://{}", world.gate), "sub": world.openid("lin").await,
            "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_300, "appid": APP_ID, "account": "official_account",
            "scope": "snsapi_userinfo", "unionid": person["unionids"]["sim-open-platform"], "nickname": "林小雨🌧️",
            "picture": person["headimgurl"], "snapshot": false, "sid": arrived.told("x-wechat-session"),
        });
        let jti = claims["jti"].as_str().expect("an id").to_owned();
        assert!(jti.len() == 32, "128 bits: {jti}");
        expected["jti"] = json!(jti);
        assert_eq!(claims, expected, "{algorithm}");
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_does_not_verify() {
    let world = World::start(&jwt("ES256", "header = 'X-Wechat-Jwt'")).await;
    let mut browser = world.visitor("lin");
    let token = world.sign_in(&mut browser, "/").await.told("x-wechat-jwt").expect("a token");
    let header = jsonwebtoken::decode_header(&token).expect("a header");
    let key = verifier(&world, &header).await;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let payload = data_encoding::BASE64URL_NOPAD.decode(parts[1].as_bytes()).expect("base64url");
    let payload = String::from_utf8(payload).expect("text").replace("snsapi_base", "snsapi_userinfo");
    let forged = format!("{}.{}.{}", parts[0], data_encoding::BASE64URL_NOPAD.encode(payload.as_bytes()), parts[2]);
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &validation).is_err());
}

#[tokio::test]
async fn absent_facts_are_absent_claims() {
    let world = World::start(&jwt("HS256", "header = 'X-Wechat-Jwt'\naudience = 'shop'\nttl = '1m'")).await;
    let mut browser = world.visitor("lin");
    let arrived = world.sign_in(&mut browser, "/").await;
    let claims = claims(&world, &arrived.told("x-wechat-jwt").expect("a token"), "shop").await;
    let names: BTreeSet<&str> = claims.as_object().expect("claims").keys().map(String::as_str).collect();
    let expected = ["account", "appid", "aud", "exp", "iat", "iss", "jti", "nbf", "scope", "sid", "snapshot", "sub"];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(claims["exp"].as_u64().expect("a time") - claims["iat"].as_u64().expect("a time"), 60);
}

#[tokio::test]
async fn a_token_travels_as_header_as_bearer_and_as_cookie() {
    let header = World::start(&jwt("ES256", "header = 'X-App-Token'\ncookie = 'wechat_jwt'")).await;
    let mut browser = header.visitor("lin");
    header.jar(&mut browser).insert("a".into(), "1".into());
    let arrived = header.sign_in(&mut browser, "/").await;
    let token = arrived.told("x-app-token").expect("a token");
    assert_eq!(cookie(&arrived, "wechat_jwt"), Some(token.clone()), "one token, twice told");
    assert_eq!(cookie(&arrived, "a").as_deref(), Some("1"), "other cookies stay");
    claims(&header, &token, &format!("http://{}", header.gate)).await;
    assert!(!header.jar(&mut browser).contains_key("wechat_jwt"), "it is for the site, not for the browser");

    let bearer = World::start(&jwt("ES256", "header = 'Authorization'")).await;
    let mut browser = bearer.visitor("lin");
    let arrived = bearer.sign_in(&mut browser, "/").await;
    let value = arrived.told("authorization").expect("a header");
    let token = value.strip_prefix("Bearer ").expect("a bearer token");
    claims(&bearer, token, &format!("http://{}", bearer.gate)).await;
}

/// The token the site receives now.
async fn token(world: &World, browser: &mut Browser) -> String {
    browser.get(&world.url("/")).await.told("x-t").expect("a token")
}

/// As [`token`], until every worker of the gate has been asked: each signs its own.
async fn tokens(world: &World, browser: &mut Browser) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..24 {
        seen.insert(token(world, browser).await);
    }
    seen
}

#[tokio::test]
async fn a_token_is_signed_once_per_period_and_session() {
    let world = World::start(&jwt("ES256", "header = 'X-T'\nttl = '5m'")).await;
    let mut browser = world.signed_in("lin").await;
    let first = tokens(&world, &mut browser).await;
    assert!(first.len() <= 2, "one for each of two workers: {}", first.len());
    world.clock.advance(Duration::from_secs(149));
    assert!(tokens(&world, &mut browser).await.is_subset(&first), "still good for more than half its life");
    world.clock.advance(Duration::from_secs(1));
    let second = tokens(&world, &mut browser).await;
    assert!(second.is_disjoint(&first) && second.len() <= 2);
    for fresh in &second {
        let claims = claims(&world, fresh, &format!("http://{}", world.gate)).await;
        assert_eq!(claims["iat"], 1_800_000_150);
    }
    let mut other = world.signed_in("lin").await;
    assert!(tokens(&world, &mut other).await.is_disjoint(&second), "another session of the same person");
}

#[tokio::test]
async fn r36_a_token_says_what_the_session_says_now() {
    let routes = "[[route]]\npath = '/profile'\nscope = 'userinfo'\n";
    let world = World::start(&(jwt("HS256", "header = 'X-T'") + routes)).await;
    let mut browser = world.signed_in("lin").await;
    let audience = format!("http://{}", world.gate);
    assert_eq!(claims(&world, &token(&world, &mut browser).await, &audience).await["scope"], "snsapi_base");
    world.sign_in(&mut browser, "/profile").await;
    for token in tokens(&world, &mut browser).await {
        let claims = claims(&world, &token, &audience).await;
        assert_eq!((&claims["scope"], &claims["nickname"]), (&json!("snsapi_userinfo"), &json!("林小雨🌧️")));
    }
    world.tell_wechat("users", r#"{"id":"lin","nickname":"New"}"#).await;
    browser.fetch(&world.url("/_wechat/me?fresh=1")).await;
    for token in tokens(&world, &mut browser).await {
        assert_eq!(claims(&world, &token, &audience).await["nickname"], "New");
    }
}

#[tokio::test]
async fn a_token_never_outlives_its_session() {
    let world = World::with(
        |text| within(&text, "session", "ttl = '10m'\nidle = 'off'") + &jwt("HS256", "header = 'X-T'\nttl = '5m'"),
        Settings::default(),
    )
    .await;
    let mut browser = world.signed_in("lin").await;
    for (seconds, expires) in [(0, 300), (420, 600), (120, 600), (59, 600)] {
        world.clock.advance(Duration::from_secs(seconds));
        let claims = claims(&world, &token(&world, &mut browser).await, &format!("http://{}", world.gate)).await;
        assert_eq!(claims["exp"], 1_800_000_000 + expires, "{seconds} s later");
    }
}

#[tokio::test]
async fn r7_a_clients_own_copies_are_removed_on_every_route() {
    let open = "[[route]]\npath = '/open'\nauth = 'none'\n[[route]]\npath = '/maybe'\nauth = 'optional'\n";
    let world = World::start(&(jwt("HS256", "header = 'X-App-Token'\ncookie = 'wechat_jwt'") + open)).await;
    let member = world.signed_in("lin").await;
    let good = member.clone().get(&world.url("/")).await.told("x-app-token").expect("a token");
    for name in [
        "x-app-token",
        "x_app_token",
        "X-App_Token",
        "x.app.token",
        "x-wechat-openid",
        "X_Wechat_Openid",
        "x-wechat-new",
    ] {
        for (signed_in, browser) in [(true, member.clone()), (false, world.browser(WECHAT))] {
            let mut browser = browser;
            let name: http::HeaderName = name.parse().expect("a name");
            browser.headers.insert(name.clone(), "forged".parse().expect("a value"));
            for path in ["/open", "/maybe"] {
                let answer = browser.get(&world.url(path)).await;
                let text = answer.json()["headers"].to_string();
                assert!(!text.contains("forged"), "{name} {path}: {text}");
                let token = signed_in && path == "/maybe";
                assert_eq!(answer.told("x-app-token").is_some(), token, "{name} {path}");
            }
            let options = browser.send(Method::OPTIONS, &world.url("/open"), &[], Bytes::new()).await;
            assert!(!options.text().contains("forged"), "{name}");
        }
    }
    for line in [
        "wechat_jwt=forged; a=1",
        "a=1; wechat_jwt=forged",
        "wechat.jwt=forged; a=1",
        "wechat%5Fjwt=forged; a=1",
        "WECHAT_JWT=forged; a=1",
    ] {
        let mut stranger = world.browser(WECHAT);
        stranger.headers.insert("cookie", line.parse().expect("a value"));
        let answer = stranger.get(&world.url("/open")).await;
        assert_eq!(answer.told("cookie").as_deref(), Some("a=1"), "{line}");
        let line = format!("{line}; wxgate={}", member.cookies[&world.host()]["wxgate"]);
        stranger.headers.insert("cookie", line.parse().expect("a value"));
        let answer = stranger.get(&world.url("/maybe")).await;
        let told = answer.told("cookie").expect("cookies");
        assert!(!told.contains("forged") && told.ends_with("; a=1"), "{line}: {told}");
        assert!(told.starts_with("wechat_jwt=ey") && !told.contains("wxgate"), "{told}");
    }
    assert!(good.starts_with("ey"));
}

#[tokio::test]
async fn r7_authorization_is_the_clients_own_only_where_nobody_is_looked_at() {
    let open = "[[route]]\npath = '/open'\nauth = 'none'\n[[route]]\npath = '/maybe'\nauth = 'optional'\n";
    let world = World::start(&(jwt("HS256", "header = 'Authorization'") + open)).await;
    let mut member = world.signed_in("lin").await;
    let mut stranger = world.browser(WECHAT);
    for browser in [&mut member, &mut stranger] {
        browser.headers.insert("authorization", "Basic dTpw".parse().expect("a value"));
    }
    assert_eq!(stranger.get(&world.url("/open")).await.told("authorization").as_deref(), Some("Basic dTpw"));
    assert_eq!(member.get(&world.url("/open")).await.told("authorization").as_deref(), Some("Basic dTpw"));
    assert_eq!(stranger.get(&world.url("/maybe")).await.told("authorization"), None);
    for path in ["/maybe", "/"] {
        let value = member.get(&world.url(path)).await.told("authorization").expect("a token");
        assert!(value.starts_with("Bearer ey"), "{path}: {value}");
    }
    let without = World::start("").await;
    let mut member = without.signed_in("lin").await;
    member.headers.insert("authorization", "Basic dTpw".parse().expect("a value"));
    assert_eq!(member.get(&without.url("/")).await.told("authorization").as_deref(), Some("Basic dTpw"));
}

#[tokio::test]
async fn r21_nicknames_are_percent_encoded_or_base64() {
    let names = ["Ann", "Ann Lee", "a~b-c.d_e", "林小雨🌧️", "100%", "a,b;c=\"d\"", "é", "\u{202e}x", "a+b"];
    for encoding in ["percent", "base64"] {
        let world = World::with(
            |text| {
                within(&text, "official_account", "scope = 'userinfo'")
                    + &format!("[identity]\nencoding = '{encoding}'\n")
            },
            Settings::default(),
        )
        .await;
        for (number, name) in names.iter().enumerate() {
            let id = format!("p{number}");
            world.tell_wechat("users", &json!({"id": id, "nickname": name}).to_string()).await;
            let mut browser = world.visitor(&id);
            let told = world.sign_in(&mut browser, "/").await.told("x-wechat-nickname").expect("a nickname");
            assert!(told.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{told}");
            let read = match encoding {
                "percent" => percent_encoding::percent_decode_str(&told).decode_utf8().expect("UTF-8").into_owned(),
                // "of values that are not plain ASCII"
                _ if name.is_ascii() => told,
                _ => String::from_utf8(data_encoding::BASE64.decode(told.as_bytes()).expect("base64")).expect("UTF-8"),
            };
            assert_eq!(read, *name, "{encoding}");
        }
    }
}

#[tokio::test]
async fn headers_can_be_left_out_where_a_token_says_it_all() {
    let text = "[identity]\nheaders = false\n".to_owned() + &jwt("HS256", "header = 'X-T'");
    let world = World::start(&text).await;
    let mut browser = world.visitor("lin");
    browser.headers.insert("x-wechat-openid", "forged".parse().expect("a value"));
    let arrived = world.sign_in(&mut browser, "/").await;
    assert_eq!(arrived.told_names(), Vec::<String>::new());
    assert!(arrived.told("x-t").is_some());
}

#[tokio::test]
async fn public_keys_may_be_cached_and_need_no_sign_in() {
    let world = World::start(&jwt("ES256", "header = 'X-T'")).await;
    let answer = world.browser("curl/8").fetch(&world.url("/_wechat/jwks.json")).await;
    assert!(answer.content_type().contains("json"));
    let caching = answer.header("cache-control").expect("a policy");
    let seconds: u32 = caching.split("max-age=").nth(1).expect("an age").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds), "briefly: {caching}");
    let key = &answer.json()["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["use"], &key["alg"]),
        (&json!("EC"), &json!("P-256"), &json!("sig"), &json!("ES256"))
    );
    let none = World::start("").await;
    assert_eq!(none.browser("curl/8").fetch(&none.url("/_wechat/jwks.json")).await.json(), json!({"keys": []}));
}
