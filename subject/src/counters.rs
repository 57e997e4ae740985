//! Counters of the whole process, read over the span of a sample. It must never allocate between the two ends of a span, so
//! that it can count allocations too.

use std::collections::BTreeMap;

/// A total since the process started, such as the number of fsync calls. The binary defines them, because only it can
/// intercept such calls.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    /// Name of the quantity, as in `docs/SUBJECT.md`.
    pub name: &'static str,
    /// Reads the total. It only grows.
    pub total: fn() -> u64,
}

/// Sums of what was counted in one or more spans.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    counters: &'static [Counter],
    sums: Vec<u64>,
}

impl Counted {
    pub(crate) fn new(counters: &'static [Counter]) -> Self {
        Self { counters, sums: vec![0; counters.len()] }
    }

    /// A span begins: what was counted before it is subtracted.
    pub(crate) fn begin(&mut self) {
        for (sum, counter) in self.sums.iter_mut().zip(self.counters) {
            *sum = sum.wrapping_sub((counter.total)());
        }
    }

    /// The span ends: with what was counted in it, the sum is that of all spans.
    pub(crate) fn end(&mut self) {
        for (sum, counter) in self.sums.iter_mut().zip(self.counters) {
            *sum = sum.wrapping_add((counter.total)());
        }
    }

    /// The sums by name. Invariant of the caller: every span that began has ended.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        self.counters.iter().zip(&self.sums).map(|(counter, sum)| (counter.name.to_owned(), *sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    static TOTAL: AtomicU64 = AtomicU64::new(u64::MAX - 1);

    #[test]
    fn spans_add_up_and_what_lies_between_them_does_not_count() {
        let mut counted = Counted::new(&[Counter { name: "fsyncs", total: || TOTAL.load(Ordering::Relaxed) }]);
        for (within, between) in [(3, 100), (0, 7), (5, 1)] {
            counted.begin();
            TOTAL.fetch_add(within, Ordering::Relaxed);
            counted.end();
            TOTAL.fetch_add(between, Ordering::Relaxed);
        }
        assert_eq!(counted.by_name(), BTreeMap::from([("fsyncs".to_owned(), 8)]));
    }
}
