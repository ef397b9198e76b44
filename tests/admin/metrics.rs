//! The numbers, as a scraper reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::operator::{section, token_path, world};
use crate::support::{World, eventually};

/// Every sample by its name with labels, every family by its name with its type.
pub struct Numbers {
    samples: BTreeMap<String, f64>,
    families: BTreeMap<String, String>,
}

impl Numbers {
    /// Reads strictly: a type before the samples, no sample twice, nothing else on a line.
    fn read(text: &str) -> Self {
        let mut read = Self { samples: BTreeMap::new(), families: BTreeMap::new() };
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("a name and a type");
                assert_eq!(read.families.insert(name.to_owned(), kind.to_owned()), None, "{line}");
            } else if line.strip_prefix("# ").is_none() {
                let (name, value) = line.rsplit_once(' ').expect("a name and a value");
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert_eq!(read.samples.insert(name.to_owned(), value), None, "{line}");
                let bare = name.split('{').next().expect("a name");
                let suffixes = ["", "_total", "_bucket", "_sum", "_count"];
                let known = |suffix: &&str| bare.strip_suffix(*suffix).is_some_and(|f| read.families.contains_key(f));
                assert!(suffixes.iter().any(known), "no type: {line}");
            }
        }
        read
    }

    /// Zero where nothing was counted.
    pub fn value(&self, sample: &str) -> f64 {
        self.samples.get(sample).copied().unwrap_or(0.0)
    }

    fn labelled(&self, name: &str) -> BTreeMap<&str, f64> {
        self.samples
            .iter()
            .filter_map(|(sample, value)| {
                let labels = sample.strip_prefix(name)?.strip_prefix('{')?.strip_suffix('}')?;
                Some((labels, *value))
            })
            .collect()
    }
}

pub async fn scrape(world: &World) -> Numbers {
    let answer = world.look("/metrics").await;
    assert_eq!((answer.status.as_u16(), answer.content_type()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    Numbers::read(&answer.text())
}

#[tokio::test]
async fn names_types_and_labels_are_those_of_the_contract() {
    let world = world().await;
    world.signed_in("lin").await;
    world.token().await;
    let numbers = scrape(&world).await;
    let ours: BTreeMap<&str, &str> = numbers
        .families
        .iter()
        .map(|(name, kind)| (name.as_str(), kind.as_str()))
        .filter(|(name, _)| !name.starts_with("process_"))
        .collect();
    let contract = [
        ("wxgate_requests_total", "counter"),
        ("wxgate_request_seconds", "histogram"),
        ("wxgate_upstream_seconds", "histogram"),
        ("wxgate_upstream_errors_total", "counter"),
        ("wxgate_sign_ins_total", "counter"),
        ("wxgate_wechat_calls_total", "counter"),
        ("wxgate_wechat_seconds", "histogram"),
        ("wxgate_token_expires_in_seconds", "gauge"),
        ("wxgate_connections", "gauge"),
        ("wxgate_store_up", "gauge"),
    ];
    assert_eq!(ours, BTreeMap::from(contract));
    let labels = |sample: &str| -> Vec<String> {
        let inside = sample.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}'));
        inside.split("\",").filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.to_owned()).collect()
    };
    for (name, expected) in [
        ("wxgate_requests_total", "outcome status"),
        ("wxgate_upstream_errors_total", "kind"),
        ("wxgate_sign_ins_total", "account result"),
        ("wxgate_wechat_calls_total", "api errcode"),
        ("wxgate_wechat_seconds_bucket", "le api"),
        ("wxgate_token_expires_in_seconds", "kind"),
        ("wxgate_request_seconds_bucket", "le"),
        ("wxgate_upstream_seconds_bucket", "le"),
        ("wxgate_connections", ""),
        ("wxgate_store_up", ""),
    ] {
        let found: BTreeSet<String> = numbers
            .samples
            .keys()
            .filter(|sample| sample.split('{').next() == Some(name))
            .map(|sample| labels(sample).join(" "))
            .collect();
        assert_eq!(found, BTreeSet::from([expected.to_owned()]), "{name}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_how_they_ended() {
    let world = world().await;
    let mut visitor = world.signed_in("lin").await;
    for _ in 0..7 {
        visitor.get(&world.url("/page")).await;
    }
    visitor.fetch(&world.url("/_wechat/me")).await;
    world.browser("curl").fetch(&world.url("/_wechat/jwks.json")).await;
    world.browser("curl").fetch(&world.url("/a")).await;
    world.browser("curl").fetch(&world.url("/a%2fb")).await;
    let mut nonsense = TcpStream::connect(world.gate).await.expect("the gate listens");
    nonsense.write_all(b"nonsense\r\n\r\n").await.expect("written");
    let _ = nonsense.read_to_end(&mut Vec::new()).await;

    let numbers = scrape(&world).await;
    let expected = [
        // Signing in: away to WeChat, back from there, then the page.
        (r#"outcome="sign_in",status="302""#, 1.0),
        (r#"outcome="sign_in",status="303""#, 1.0),
        (r#"outcome="proxied",status="200""#, 8.0),
        (r#"outcome="own",status="200""#, 2.0),
        (r#"outcome="refused",status="401""#, 1.0),
        (r#"outcome="refused",status="400""#, 1.0),
        (r#"outcome="unread",status="400""#, 1.0),
    ];
    assert_eq!(numbers.labelled("wxgate_requests_total"), BTreeMap::from(expected));
    assert_eq!(numbers.value("wxgate_request_seconds_count"), 14.0, "all that were requests");
    assert_eq!(numbers.value("wxgate_upstream_seconds_count"), 8.0);
    let errors = numbers.labelled("wxgate_upstream_errors_total");
    assert!(errors.len() == 4 && errors.values().all(|count| *count == 0.0), "{errors:?}");
}

#[tokio::test]
async fn histograms_add_up() {
    let world = world().await;
    let mut visitor = world.signed_in("lin").await;
    for _ in 0..20 {
        visitor.get(&world.url("/page")).await;
    }
    let numbers = scrape(&world).await;
    for name in ["wxgate_request_seconds", "wxgate_upstream_seconds"] {
        let bound = |labels: &str| {
            let bound = labels.strip_prefix("le=\"").and_then(|rest| rest.strip_suffix('"')).expect("a bound");
            if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a number") }
        };
        let buckets = numbers.labelled(&format!("{name}_bucket"));
        let mut buckets: Vec<(f64, f64)> = buckets.into_iter().map(|(labels, count)| (bound(labels), count)).collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        assert!(buckets.len() > 10 && buckets.is_sorted_by_key(|(_, count)| *count), "{buckets:?}");
        let last = buckets.last().expect("a bucket");
        assert_eq!(*last, (f64::INFINITY, numbers.value(&format!("{name}_count"))), "{name}");
        let sum = numbers.value(&format!("{name}_sum"));
        assert!(sum > 0.0 && sum < 60.0, "{name}: {sum}");
    }
}

#[tokio::test]
async fn whatever_worker_served_them_all_are_counted() {
    let world = world().await;
    let visitor = world.signed_in("lin").await;
    // Each on a connection of its own, which the kernel gives to either worker.
    let asking: Vec<_> = (0..40)
        .map(|_| {
            let (mut visitor, url) = (visitor.clone(), world.url("/page"));
            tokio::spawn(async move { visitor.get(&url).await.status })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.expect("an answer"), 200);
    }
    assert_eq!(scrape(&world).await.value(r#"wxgate_requests_total{outcome="proxied",status="200"}"#), 41.0);
}

#[tokio::test]
async fn sign_ins_and_calls_to_wechat_are_counted_by_result() {
    let world = world().await;
    let sign_in = async |fault: Option<&str>, times: usize| {
        for _ in 0..times {
            let mut browser = world.visitor("lin");
            let callback = world.callback_of(&mut browser, "/").await;
            if let Some(fault) = fault {
                world.fault(&format!(r#"{{"api":"access_token","times":1,{fault}}}"#)).await;
            }
            browser.get(&callback).await;
        }
    };
    sign_in(None, 3).await;
    sign_in(Some(r#""errcode":40029"#), 2).await;
    sign_in(Some(r#""errcode":40125"#), 1).await;
    sign_in(Some(r#""errcode":45011"#), 1).await;
    sign_in(Some(r#""reset_after":true"#), 1).await;
    sign_in(Some(r#""http_status":200,"body":"[]""#), 1).await;
    // What nobody has told us about: however many there are, they are one.
    for errcode in 910_000..910_005 {
        sign_in(Some(&format!(r#""errcode":{errcode}"#)), 1).await;
    }
    let mut browser = world.visitor("lin");
    let authorize = world.begin(&mut browser, "/").await;
    let state = authorize.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    browser.get(&world.url(&format!("/_wechat/callback?state={state}"))).await;

    let numbers = scrape(&world).await;
    let result = |result: &str| format!(r#"wxgate_sign_ins_total{{account="official_account",result="{result}"}}"#);
    for (word, count) in
        [("signed-in", 3.0), ("code-refused", 2.0), ("misconfigured", 1.0), ("failed", 8.0), ("declined", 1.0)]
    {
        assert_eq!(numbers.value(&result(word)), count, "{word}");
    }
    assert_eq!(numbers.labelled("wxgate_sign_ins_total").len(), 5);
    let calls: BTreeMap<String, f64> = ["0", "40029", "40125", "45011", "none", "nonsense", "other"]
        .into_iter()
        .zip([3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 5.0])
        .map(|(errcode, count)| (format!(r#"api="sns/oauth2/access_token",errcode="{errcode}""#), count))
        .collect();
    let counted = numbers.labelled("wxgate_wechat_calls_total");
    assert_eq!(counted, calls.iter().map(|(labels, count)| (labels.as_str(), *count)).collect());
    assert_eq!(numbers.value(r#"wxgate_wechat_seconds_count{api="sns/oauth2/access_token"}"#), 14.0);
}

#[tokio::test]
async fn gauges_tell_how_things_stand_now() {
    let world = world().await;
    let numbers = scrape(&world).await;
    assert!(numbers.labelled("wxgate_token_expires_in_seconds").is_empty(), "nobody has asked for one");
    assert_eq!((numbers.value("wxgate_store_up"), numbers.value("wxgate_connections")), (1.0, 0.0));

    world.token().await;
    world.pass_time(Duration::from_secs(200)).await;
    let numbers = scrape(&world).await;
    let left = BTreeMap::from([(r#"kind="access_token""#, 7000.0)]);
    assert_eq!(numbers.labelled("wxgate_token_expires_in_seconds"), left);
    assert_eq!(numbers.value(r#"wxgate_wechat_calls_total{api="cgi-bin/stable_token",errcode="0"}"#), 1.0);

    let open: Vec<TcpStream> = {
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(TcpStream::connect(world.gate).await.expect("the gate listens"));
        }
        open
    };
    eventually("three connections", async || scrape(&world).await.value("wxgate_connections") == 3.0).await;
    drop(open);
    eventually("none", async || scrape(&world).await.value("wxgate_connections") == 0.0).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_process_is_told_of_by_the_usual_names() {
    let world = world().await;
    let numbers = scrape(&world).await;
    for (name, kind) in [
        ("process_cpu_seconds_total", "counter"),
        ("process_start_time_seconds", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_virtual_memory_bytes", "gauge"),
        ("process_threads", "gauge"),
        ("process_open_fds", "gauge"),
        ("process_max_fds", "gauge"),
    ] {
        assert_eq!(numbers.families.get(name).map(String::as_str), Some(kind), "{name}");
        assert!(numbers.samples.contains_key(name), "{name}");
    }
    assert!(numbers.value("process_resident_memory_bytes") > 1e6);
    assert!(numbers.value("process_open_fds") > 3.0);
}

#[tokio::test]
async fn a_scraper_that_knows_open_metrics_gets_that() {
    let world = world().await;
    world.ask(&token_path()).await;
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    let answer = world.operate(Method::GET, "/metrics", &[("accept", accept)], "").await;
    assert_eq!(answer.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.text();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let numbers = Numbers::read(&text);
    assert_eq!(numbers.families.get("wxgate_requests").map(String::as_str), Some("counter"));
    assert_eq!(numbers.value(r#"wxgate_wechat_calls_total{api="cgi-bin/stable_token",errcode="0"}"#), 1.0);
}

#[tokio::test]
async fn one_connection_too_many_is_counted_as_unread() {
    let world = World::with(
        |text| text.replace("[server]\n", "[server]\nmax_connections = 1\n") + &section(),
        wxgate::simulator::Settings::default(),
    )
    .await;
    let first = TcpStream::connect(world.gate).await.expect("the gate listens");
    eventually("it has the place", async || scrape(&world).await.value("wxgate_connections") == 1.0).await;
    let mut second = TcpStream::connect(world.gate).await.expect("the gate listens");
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let numbers = scrape(&world).await;
    assert_eq!(numbers.value(r#"wxgate_requests_total{outcome="unread",status="503"}"#), 1.0);
    assert_eq!(numbers.value("wxgate_connections"), 1.0);
    drop(first);
}
