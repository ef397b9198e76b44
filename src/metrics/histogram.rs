//! How long things took, in buckets that never change.

use std::time::Duration;

use super::Counter;

/// Upper bounds in microseconds. The gate's own part of a request is some fifty of them, so what lies below the first
/// bound needs no telling apart; beyond the last are only answers that `response_timeout` was raised for.
const BOUNDS: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 60_000_000,
];

/// Written by one thread only.
#[derive(Debug, Default)]
pub struct Histogram {
    /// By the first bound that holds them; the last is for what none does.
    buckets: [Counter; BOUNDS.len() + 1],
    micros: Counter,
}

/// Several histograms as one, at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    buckets: [u64; BOUNDS.len() + 1],
    micros: u64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.micros.add(micros);
    }
}

impl Sum {
    /// Takes in what one histogram has counted so far.
    pub fn add(&mut self, histogram: &Histogram) {
        for (sum, counter) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += counter.read();
        }
        self.micros = self.micros.wrapping_add(histogram.micros.read());
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// How many took at most so long and longer than the bound before; `None` is for what no bound holds.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.iter().map(|micros| Some(Duration::from_micros(*micros))).chain([None]);
        bounds.zip(self.buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 60_000_000, 60_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut sum = Sum::default();
        sum.add(&histogram);
        let filled: Vec<_> = sum.buckets().filter(|(_, count)| *count > 0).collect();
        let bound = |micros| Some(Duration::from_micros(micros));
        assert_eq!(filled, [(bound(500), 2), (bound(1000), 1), (bound(60_000_000), 1), (None, 1)]);
        assert_eq!((sum.count(), sum.total()), (5, Duration::from_micros(120_001_002)));
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted());
    }
}
