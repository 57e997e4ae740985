//! Which transfer runs when. Pure: the time is a parameter. It must never run more transfers than allowed, nor let one that
//! waits or fails block another.
//!
//! The most urgent transfer runs first; among equal priorities deletions, then downloads, then uploads, each in the order of
//! arrival. Where a more urgent one waits and all slots are taken, the least urgent running one is preempted and resumes later.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::store::{BlobAddress, Priority, Work};

/// The order of ready transfers; the smallest rank runs first.
type Rank = (Reverse<Priority>, Work, u64);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start this transfer, which counts as running from now on.
    Start(BlobAddress, Work),
    /// Stop this transfer at its next chunk.
    Stop(BlobAddress),
    /// Nothing before this time, or before the next event.
    Wait(Option<Duration>),
}

/// What a transfer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready,
    /// Not before this time.
    Delayed(Duration),
    Running {
        /// Whether it was asked to stop.
        stopping: bool,
    },
    /// Running in the slot of another, in one bundle with it.
    Bundled,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    rank: Rank,
    phase: Phase,
    /// Whether it must not be part of a bundle.
    unbundled: bool,
}

/// All transfers that are wanted.
#[derive(Debug)]
pub(super) struct Schedule {
    /// How many may run at once.
    limit: usize,
    entries: HashMap<BlobAddress, Entry>,
    ready: BTreeSet<(Rank, BlobAddress)>,
    delayed: BTreeSet<(Duration, BlobAddress)>,
    running: BTreeSet<(Rank, BlobAddress)>,
    arrivals: u64,
}

impl Schedule {
    /// Nothing to do, `limit` at once.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            running: BTreeSet::new(),
            arrivals: 0,
        }
    }

    /// Requests a transfer. A delayed one becomes ready, and a running one continues.
    pub(super) fn request(&mut self, address: &BlobAddress, work: Work, priority: Priority) {
        self.arrivals += 1;
        let known = self.entries.get(address).copied();
        let arrival = known.map_or(self.arrivals, |entry| entry.rank.2);
        let phase = match known {
            Some(Entry { phase: phase @ (Phase::Running { .. } | Phase::Bundled), .. }) => phase,
            _ => Phase::Ready,
        };
        let unbundled = known.is_some_and(|entry| entry.unbundled);
        self.set(address, Entry { rank: (Reverse(priority), work, arrival), phase, unbundled });
    }

    /// Excludes a transfer from bundles from now on.
    pub(super) fn set_unbundled(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.get_mut(address) {
            entry.unbundled = true;
        }
    }

    /// At most `limit` of the transfers that follow this running one and differ from it only in their id. From now on they
    /// count as running, in its slot.
    pub(super) fn take_companions(&mut self, leader: &BlobAddress, limit: usize) -> Vec<BlobAddress> {
        let Some(Entry { rank: (priority, work, _), unbundled: false, .. }) = self.entries.get(leader).copied() else {
            return Vec::new();
        };
        let similar = self.ready.iter().take_while(|((other, kind, _), _)| (*other, *kind) == (priority, work));
        let similar = similar.filter(|(_, address)| {
            address.namespace() == leader.namespace() && self.entries.get(address).is_some_and(|entry| !entry.unbundled)
        });
        let companions: Vec<_> = similar.take(limit).map(|(_, address)| address.clone()).collect();
        for address in &companions {
            if let Some(entry) = self.entries.get(address).copied() {
                self.set(address, Entry { phase: Phase::Bundled, ..entry });
            }
        }
        companions
    }

    /// Delays a transfer that is not running.
    pub(super) fn delay(&mut self, address: &BlobAddress, until: Duration) {
        if let Some(entry) = self.entries.get(address).copied() {
            self.set(address, Entry { phase: Phase::Delayed(until), ..entry });
        }
    }

    /// A running transfer ended, with any result: its slot is free, and it is ready again.
    pub(super) fn release(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.get(address).copied() {
            self.set(address, Entry { phase: Phase::Ready, ..entry });
        }
    }

    /// Removes a transfer that is not running and no longer wanted.
    pub(super) fn remove(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.remove(address) {
            self.remove_from_queue(address, entry);
        }
    }

    /// The work of a transfer, if it is running.
    pub(super) fn running(&self, address: &BlobAddress) -> Option<Work> {
        let entry = self.entries.get(address)?;
        matches!(entry.phase, Phase::Running { .. } | Phase::Bundled).then_some(entry.rank.1)
    }

    /// How many wait for a slot or for a time.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    /// What to do at `now`.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        while let Some((_, address)) = self.delayed.first().filter(|(until, _)| *until <= now).cloned() {
            self.release(&address);
        }
        if self.running.len() < self.limit
            && let Some((_, address)) = self.ready.first().cloned()
            && let Some(entry) = self.entries.get(&address).copied()
        {
            self.set(&address, Entry { phase: Phase::Running { stopping: false }, ..entry });
            return Next::Start(address, entry.rank.1);
        }
        if let Some(address) = self.to_preempt()
            && let Some(entry) = self.entries.get(&address).copied()
        {
            self.set(&address, Entry { phase: Phase::Running { stopping: true }, ..entry });
            return Next::Stop(address);
        }
        Next::Wait(self.delayed.first().map(|(until, _)| *until))
    }

    /// The running transfer to stop in favour of a more urgent one, if any.
    fn to_preempt(&self) -> Option<BlobAddress> {
        let continues = |(_, address): &&(Rank, BlobAddress)| {
            self.entries.get(address).is_some_and(|entry| entry.phase == Phase::Running { stopping: false })
        };
        // Slots that are being freed already serve the first ones that wait.
        let freed = self.running.len() - self.running.iter().filter(continues).count();
        let ((Reverse(waiting), ..), _) = self.ready.iter().nth(freed)?;
        let ((Reverse(running), ..), address) = self.running.iter().rfind(continues)?;
        (waiting > running).then(|| address.clone())
    }

    fn set(&mut self, address: &BlobAddress, entry: Entry) {
        if let Some(old) = self.entries.insert(address.clone(), entry) {
            self.remove_from_queue(address, old);
        }
        let address = address.clone();
        match entry.phase {
            Phase::Ready => self.ready.insert((entry.rank, address)),
            Phase::Delayed(until) => self.delayed.insert((until, address)),
            Phase::Running { .. } => self.running.insert((entry.rank, address)),
            Phase::Bundled => true,
        };
    }

    fn remove_from_queue(&mut self, address: &BlobAddress, entry: Entry) {
        match entry.phase {
            Phase::Ready => self.ready.remove(&(entry.rank, address.clone())),
            Phase::Delayed(until) => self.delayed.remove(&(until, address.clone())),
            Phase::Running { .. } => self.running.remove(&(entry.rank, address.clone())),
            Phase::Bundled => true,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(n: usize) -> BlobAddress {
        BlobAddress::new("n", &format!("b{n}")).unwrap()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn started(schedule: &mut Schedule, now: Duration) -> Vec<BlobAddress> {
        let mut started = Vec::new();
        while let Next::Start(address, _) = schedule.next(now) {
            started.push(address);
        }
        started
    }

    #[test]
    fn the_most_urgent_first_then_deletions_downloads_uploads_then_in_order() {
        let mut schedule = Schedule::new(9);
        let wanted = [
            (Work::Upload, Priority::Normal),
            (Work::Download, Priority::Normal),
            (Work::Delete, Priority::Normal),
            (Work::Download, Priority::Normal),
            (Work::Upload, Priority::Urgent),
            (Work::Delete, Priority::Low),
        ];
        for (n, (work, priority)) in wanted.into_iter().enumerate() {
            schedule.request(&blob(n), work, priority);
        }
        assert_eq!(started(&mut schedule, at(0)), [4, 2, 1, 3, 0, 5].map(blob));
    }

    #[test]
    fn an_urgent_transfer_preempts_the_least_urgent_one_which_resumes_later() {
        let mut schedule = Schedule::new(2);
        schedule.request(&blob(0), Work::Download, Priority::Normal);
        schedule.request(&blob(1), Work::Download, Priority::Low);
        assert_eq!(started(&mut schedule, at(0)).len(), 2);
        schedule.request(&blob(2), Work::Download, Priority::Urgent);
        assert_eq!(schedule.next(at(0)), Next::Stop(blob(1)));
        // One slot is being freed already: no other transfer has to stop.
        assert_eq!(schedule.next(at(0)), Next::Wait(None));
        schedule.release(&blob(1));
        assert_eq!(started(&mut schedule, at(0)), [blob(2)]);
        schedule.release(&blob(2));
        schedule.remove(&blob(2));
        assert_eq!(started(&mut schedule, at(0)), [blob(1)]);
    }

    #[test]
    fn similar_transfers_share_a_slot_unless_they_are_unbundled() {
        let mut schedule = Schedule::new(1);
        for n in 0..6 {
            schedule.request(&blob(n), Work::Upload, Priority::Normal);
        }
        schedule.request(&BlobAddress::new("other", "b").unwrap(), Work::Upload, Priority::Normal);
        schedule.request(&blob(8), Work::Upload, Priority::Low);
        schedule.request(&blob(9), Work::Download, Priority::Low);
        schedule.set_unbundled(&blob(2));
        assert_eq!(schedule.next(at(0)), Next::Start(blob(0), Work::Upload));
        assert_eq!(schedule.take_companions(&blob(0), 3), [1, 3, 4].map(blob));
        assert_eq!((schedule.next(at(0)), schedule.running(&blob(3))), (Next::Wait(None), Some(Work::Upload)));
        // A request for a running transfer does not start it twice.
        schedule.request(&blob(3), Work::Upload, Priority::Normal);
        for n in [0, 1, 3, 4] {
            schedule.release(&blob(n));
            schedule.remove(&blob(n));
        }
        assert_eq!(schedule.next(at(0)), Next::Start(blob(2), Work::Upload));
        assert_eq!(schedule.take_companions(&blob(2), 3), []);
        assert_eq!(schedule.waiting(), 4);
    }

    #[test]
    fn equal_priority_waits_and_a_raised_one_preempts() {
        let mut schedule = Schedule::new(1);
        schedule.request(&blob(0), Work::Upload, Priority::Normal);
        schedule.request(&blob(1), Work::Upload, Priority::Normal);
        assert_eq!(started(&mut schedule, at(0)), [blob(0)]);
        schedule.request(&blob(1), Work::Upload, Priority::High);
        assert_eq!(schedule.next(at(0)), Next::Stop(blob(0)));
    }

    /// Named after the defect "all transfers serial, one stuck transfer blocked the rest".
    #[test]
    fn neither_a_stuck_nor_a_delayed_transfer_blocks_another() {
        let mut schedule = Schedule::new(2);
        for n in 0..10 {
            schedule.request(&blob(n), Work::Upload, Priority::Normal);
        }
        assert_eq!(started(&mut schedule, at(0)), [0, 1].map(blob));
        schedule.release(&blob(1));
        schedule.delay(&blob(1), at(60));
        // Number 0 never ends.
        for n in 2..10 {
            assert_eq!(started(&mut schedule, at(1)), [blob(n)]);
            schedule.release(&blob(n));
            schedule.remove(&blob(n));
        }
        assert_eq!(schedule.next(at(1)), Next::Wait(Some(at(60))));
        assert_eq!(schedule.next(at(60)), Next::Start(blob(1), Work::Upload));
    }

    proptest! {
        /// Against a model that is a list: never too many at once, always the best that is ready, none forgotten.
        #[test]
        fn any_order_of_events_keeps_the_rules(
            events in proptest::collection::vec((0u8..5, 0usize..8, 0usize..4), 0..200),
        ) {
            let mut schedule = Schedule::new(3);
            let mut now = at(0);
            let mut wanted = BTreeSet::new();
            let mut running: HashMap<BlobAddress, Priority> = HashMap::new();
            let mut priorities: HashMap<BlobAddress, Priority> = HashMap::new();
            for (event, n, priority) in events {
                let (address, priority) = (blob(n), Priority::ALL[priority]);
                match event {
                    0 | 1 => {
                        schedule.request(&address, Work::Upload, priority);
                        wanted.insert(address.clone());
                        priorities.insert(address, priority);
                    }
                    2 if running.remove(&address).is_some() => {
                        schedule.release(&address);
                        schedule.remove(&address);
                        wanted.remove(&address);
                    }
                    3 if running.remove(&address).is_some() => {
                        schedule.release(&address);
                        schedule.delay(&address, now + at(5));
                    }
                    _ => now += at(1),
                }
                loop {
                    match schedule.next(now) {
                        Next::Start(address, _) => {
                            prop_assert!(wanted.contains(&address));
                            let best = schedule.ready.first().map(|((Reverse(priority), ..), _)| *priority);
                            prop_assert!(best.is_none_or(|best| best <= priorities[&address]));
                            prop_assert!(running.insert(address, priority).is_none());
                            prop_assert!(running.len() <= 3);
                        }
                        Next::Stop(address) => {
                            prop_assert!(running.len() == 3 && running.contains_key(&address));
                        }
                        Next::Wait(_) => break,
                    }
                }
                prop_assert_eq!(schedule.waiting() + running.len(), wanted.len());
                prop_assert!(running.len() == 3 || schedule.ready.is_empty());
            }
        }
    }
}
