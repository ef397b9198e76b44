//! The numbers as Prometheus reads them: names and labels of contract section 11. The only user of prometheus-client.

use std::fmt;
use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::answer::{Answer, answer};
use super::desk::Parts;
use super::process::Process;
use crate::metrics::{Histogram, Outcome, Sum, Traffic, UpstreamTrouble};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Gathers the numbers anew for each scrape.
#[derive(Debug)]
pub(super) struct Exposition(Registry);

impl Exposition {
    pub(super) fn new(parts: Arc<Parts>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Numbers(parts)));
        Self(registry)
    }

    /// In the form that was asked for: a scraper that knows OpenMetrics says so, all others get the older text.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Answer {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0).expect("writing to a String cannot fail");
        if speaks_open_metrics(headers) {
            answer(StatusCode::OK, OPEN_METRICS, text)
        } else {
            answer(StatusCode::OK, PLAIN, plain(&text))
        }
    }
}

fn speaks_open_metrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("application/openmetrics-text"))
}

/// The older text names a counter with its `_total` where it says what it is, too, and needs no end mark.
fn plain(open_metrics: &str) -> String {
    let mut plain = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().filter(|line| *line != "# EOF").peekable();
    while let Some(line) = lines.next() {
        let counter = |line: &str| line.starts_with("# TYPE ") && line.ends_with(" counter");
        // The help stands right above the type.
        if line.starts_with("# ") && (counter(line) || lines.peek().is_some_and(|next| counter(next))) {
            let (name, rest) = line.get(7..).and_then(|rest| rest.split_once(' ')).unwrap_or_default();
            plain.push_str(&line[..7]);
            plain.push_str(name);
            plain.push_str("_total ");
            plain.push_str(rest);
        } else {
            plain.push_str(line);
        }
        plain.push('\n');
    }
    plain
}

#[derive(Debug)]
struct Numbers(Arc<Parts>);

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet(encoder);
        self.requests(&mut sheet)?;
        self.wechat(&mut sheet)?;
        self.state(&mut sheet)?;
        process(&mut sheet)
    }
}

impl Numbers {
    fn requests(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let traffic = &self.0.traffic;
        sheet.counter("wxgate_requests", "Requests, by how they ended and the status of the answer.", |counter| {
            for outcome in Outcome::ALL {
                for (status, count) in by_status(traffic, outcome) {
                    let status = status.map_or_else(|| "other".to_owned(), |status| status.to_string());
                    counter.put(&[("outcome", outcome.as_str()), ("status", &status)], count)?;
                }
            }
            Ok(())
        })?;
        let sum = |part: fn(&Traffic) -> &Histogram| {
            let mut sum = Sum::default();
            traffic.iter().for_each(|worker| sum.add(part(worker)));
            sum
        };
        sheet.histogram("wxgate_request_seconds", "From a request's head to the head of its answer.", |histogram| {
            histogram.bare(&sum(Traffic::seconds))
        })?;
        let help = "The same, of requests that went to the upstream.";
        sheet
            .histogram("wxgate_upstream_seconds", help, |histogram| histogram.bare(&sum(Traffic::upstream_seconds)))?;
        let help = "Answers the upstream did not give, or not whole.";
        sheet.counter("wxgate_upstream_errors", help, |counter| {
            UpstreamTrouble::ALL.into_iter().try_for_each(|trouble| {
                let count = traffic.iter().map(|worker| worker.upstream_errors(trouble)).sum();
                counter.put(&[("kind", trouble.as_str())], count)
            })
        })
    }

    fn wechat(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        sheet.counter("wxgate_sign_ins", "Sign-ins, by account and how they ended.", |counter| {
            let mut counted = self.0.login.sign_ins().counted();
            counted.try_for_each(|(account, result, count)| {
                counter.put(&[("account", account.as_str()), ("result", result.as_str())], count)
            })
        })?;
        let calls = self.0.calls.counted();
        let help =
            "Calls to WeChat, by endpoint and errcode: 0 is success, none no answer, nonsense one without sense.";
        sheet.counter("wxgate_wechat_calls", help, |counter| {
            calls.iter().try_for_each(|call| {
                let mut answers = call.answers.iter();
                answers
                    .try_for_each(|(how, count)| counter.put(&[("api", call.api), ("errcode", &how.label())], *count))
            })
        })?;
        sheet.histogram("wxgate_wechat_seconds", "How long calls to WeChat took.", |histogram| {
            calls.iter().try_for_each(|call| histogram.put(&[("api", call.api)], &call.seconds))
        })
    }

    fn state(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let help = "What is left of the life of each platform token and ticket; absent while there is none.";
        sheet.gauge("wxgate_token_expires_in_seconds", help, |gauge| {
            let mut tokens = self.0.platforms().flat_map(|platform| platform.state().tokens);
            tokens.try_for_each(|(kind, left)| match left {
                Some(left) => gauge.put(&[("kind", kind.as_str())], left.as_secs()),
                None => Ok(()),
            })
        })?;
        let connections = self.0.slots.taken() as u64;
        sheet.gauge("wxgate_connections", "Client connections open now.", |gauge| gauge.bare(connections))?;
        let up = u64::from(self.0.store.is_up());
        sheet.gauge("wxgate_store_up", "Whether the store can be reached.", |gauge| gauge.bare(up))
    }
}

/// All workers together.
fn by_status(traffic: &[Arc<Traffic>], outcome: Outcome) -> std::collections::BTreeMap<Option<u16>, u64> {
    let mut sum = std::collections::BTreeMap::new();
    for (status, count) in traffic.iter().flat_map(|worker| worker.requests(outcome)) {
        *sum.entry(status).or_default() += count;
    }
    sum
}

fn process(sheet: &mut Sheet<'_>) -> fmt::Result {
    let read = Process::read();
    if let Some(seconds) = read.cpu_seconds {
        sheet.counter("process_cpu_seconds", "Time spent computing, user and kernel mode.", |counter| {
            counter.0.encode_counter::<NoLabelSet, f64, f64>(&seconds, None)
        })?;
    }
    if let Some(seconds) = read.start_time_seconds {
        let help = "When this process started, in Unix seconds.";
        sheet.gauge("process_start_time_seconds", help, |gauge| gauge.bare(seconds))?;
    }
    for (name, help, value) in [
        ("process_resident_memory_bytes", "Memory in use.", read.resident_bytes),
        ("process_virtual_memory_bytes", "Address space in use.", read.virtual_bytes),
        ("process_threads", "Threads.", read.threads),
        ("process_open_fds", "File descriptors open.", read.open_fds),
        ("process_max_fds", "How many may be open.", read.max_fds),
    ] {
        if let Some(value) = value {
            sheet.gauge(name, help, |gauge| gauge.bare(value))?;
        }
    }
    Ok(())
}

/// Where metrics are written, one after the other.
struct Sheet<'s>(DescriptorEncoder<'s>);

struct Counter<'m>(MetricEncoder<'m>);
struct Gauge<'m>(MetricEncoder<'m>);
struct Buckets<'m>(MetricEncoder<'m>);

impl Sheet<'_> {
    /// `name` is without the `_total` that is added to it.
    fn counter(&mut self, name: &str, help: &str, write: impl FnOnce(&mut Counter<'_>) -> fmt::Result) -> fmt::Result {
        write(&mut Counter(self.0.encode_descriptor(name, help, None, MetricType::Counter)?))
    }

    fn gauge(&mut self, name: &str, help: &str, write: impl FnOnce(&mut Gauge<'_>) -> fmt::Result) -> fmt::Result {
        write(&mut Gauge(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?))
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        write: impl FnOnce(&mut Buckets<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(&mut Buckets(self.0.encode_descriptor(name, help, None, MetricType::Histogram)?))
    }
}

impl Counter<'_> {
    fn put(&mut self, labels: &impl EncodeLabelSet, count: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)
    }
}

impl Gauge<'_> {
    fn put(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    fn bare(&mut self, value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_gauge(&value)
    }
}

impl Buckets<'_> {
    fn put(&mut self, labels: &impl EncodeLabelSet, sum: &Sum) -> fmt::Result {
        write_buckets(&mut self.0.encode_family(labels)?, sum)
    }

    fn bare(&mut self, sum: &Sum) -> fmt::Result {
        write_buckets(&mut self.0, sum)
    }
}

fn write_buckets(encoder: &mut MetricEncoder<'_>, sum: &Sum) -> fmt::Result {
    let buckets: Vec<(f64, u64)> =
        sum.buckets().map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()), count)).collect();
    encoder.encode_histogram::<NoLabelSet>(sum.total().as_secs_f64(), sum.count(), &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_text_calls_counters_by_their_whole_name() {
        let open_metrics = "# HELP a_b What counter it is.\n# TYPE a_b counter\na_b_total{x=\"y\"} 1\n\
                            # HELP c A gauge.\n# TYPE c gauge\nc 2\n# EOF\n";
        let expected = "# HELP a_b_total What counter it is.\n# TYPE a_b_total counter\na_b_total{x=\"y\"} 1\n\
                        # HELP c A gauge.\n# TYPE c gauge\nc 2\n";
        assert_eq!(plain(open_metrics), expected);
    }

    #[test]
    fn whoever_knows_open_metrics_gets_it() {
        for (accept, expected) in [
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1", true),
            ("text/plain", false),
            ("*/*", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().expect("a header"))]);
            assert_eq!(speaks_open_metrics(&headers), expected, "{accept}");
        }
        assert!(!speaks_open_metrics(&HeaderMap::new()));
    }
}
