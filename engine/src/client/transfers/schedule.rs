//! Which transfer runs when. Pure: it takes the time as a parameter and does nothing itself. It must never run more
//! transfers than are allowed, nor let one that waits or fails hold up another.
//!
//! The most urgent goes first; among equals deletions, then downloads, then uploads, each in the order of arrival. Where a
//! more urgent one waits and all places are taken, the least urgent that runs is told to stop; it goes on later.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::store::{BlobAddress, Priority, Work};

/// Where a transfer stands among those that are ready; the least is the first.
type Rank = (Reverse<Priority>, Work, u64);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start this transfer, which counts as running from here on.
    Start(BlobAddress, Work),
    /// Tell this transfer to stop at the next chunk.
    Stop(BlobAddress),
    /// Nothing before this time, or before something changes.
    Wait(Option<Duration>),
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    /// Not before this time.
    Delayed(Duration),
    Running {
        /// Whether it was told to stop.
        stopping: bool,
    },
    /// Running in the place of another, with it.
    Along,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    rank: Rank,
    place: Place,
    /// Whether it must not run in the place of another, nor another in its.
    alone: bool,
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

    /// Wants a transfer as soon as may be; one that was put off is ready again, and one that runs goes on.
    pub(super) fn want(&mut self, address: &BlobAddress, work: Work, priority: Priority) {
        self.arrivals += 1;
        let known = self.entries.get(address).copied();
        let arrival = known.map_or(self.arrivals, |entry| entry.rank.2);
        let place = match known {
            Some(Entry { place: place @ (Place::Running { .. } | Place::Along), .. }) => place,
            _ => Place::Ready,
        };
        let alone = known.is_some_and(|entry| entry.alone);
        self.set(address, Entry { rank: (Reverse(priority), work, arrival), place, alone });
    }

    /// Whatever else happens to a transfer, it runs alone from now on.
    pub(super) fn set_alone(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.get_mut(address) {
            entry.alone = true;
        }
    }

    /// At most `limit` of the transfers that are next after this running one and differ from it in their id alone. They
    /// count as running from here on, in its place.
    pub(super) fn along(&mut self, leader: &BlobAddress, limit: usize) -> Vec<BlobAddress> {
        let Some(Entry { rank: (priority, work, _), alone: false, .. }) = self.entries.get(leader).copied() else {
            return Vec::new();
        };
        let alike = self.ready.iter().take_while(|((other, kind, _), _)| (*other, *kind) == (priority, work));
        let alike = alike.filter(|(_, address)| {
            address.namespace() == leader.namespace() && self.entries.get(address).is_some_and(|entry| !entry.alone)
        });
        let along: Vec<_> = alike.take(limit).map(|(_, address)| address.clone()).collect();
        for address in &along {
            if let Some(entry) = self.entries.get(address).copied() {
                self.set(address, Entry { place: Place::Along, ..entry });
            }
        }
        along
    }

    /// Puts a transfer off, which does not run now.
    pub(super) fn delay(&mut self, address: &BlobAddress, until: Duration) {
        if let Some(entry) = self.entries.get(address).copied() {
            self.set(address, Entry { place: Place::Delayed(until), ..entry });
        }
    }

    /// A running transfer has come to its end, whichever: its place is free, and it is ready to go on.
    pub(super) fn ended(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.get(address).copied() {
            self.set(address, Entry { place: Place::Ready, ..entry });
        }
    }

    /// A transfer is not wanted any more and does not run.
    pub(super) fn remove(&mut self, address: &BlobAddress) {
        if let Some(entry) = self.entries.remove(address) {
            self.take_from_place(address, entry);
        }
    }

    /// Whether a transfer runs, and for what.
    pub(super) fn runs(&self, address: &BlobAddress) -> Option<Work> {
        let entry = self.entries.get(address)?;
        matches!(entry.place, Place::Running { .. } | Place::Along).then_some(entry.rank.1)
    }

    /// How many wait, for their turn or for a time.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    /// What to do at `now`.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        while let Some((_, address)) = self.delayed.first().filter(|(until, _)| *until <= now).cloned() {
            self.ended(&address);
        }
        if self.running.len() < self.limit
            && let Some((_, address)) = self.ready.first().cloned()
            && let Some(entry) = self.entries.get(&address).copied()
        {
            self.set(&address, Entry { place: Place::Running { stopping: false }, ..entry });
            return Next::Start(address, entry.rank.1);
        }
        if let Some(address) = self.overtaken()
            && let Some(entry) = self.entries.get(&address).copied()
        {
            self.set(&address, Entry { place: Place::Running { stopping: true }, ..entry });
            return Next::Stop(address);
        }
        Next::Wait(self.delayed.first().map(|(until, _)| *until))
    }

    /// The running transfer that has to make room for a more urgent one, if there is one.
    fn overtaken(&self) -> Option<BlobAddress> {
        let goes_on = |(_, address): &&(Rank, BlobAddress)| {
            self.entries.get(address).is_some_and(|entry| entry.place == Place::Running { stopping: false })
        };
        // Places that are being freed already serve the first ones that wait.
        let freed = self.running.len() - self.running.iter().filter(goes_on).count();
        let ((Reverse(waiting), ..), _) = self.ready.iter().nth(freed)?;
        let ((Reverse(running), ..), address) = self.running.iter().rfind(goes_on)?;
        (waiting > running).then(|| address.clone())
    }

    fn set(&mut self, address: &BlobAddress, entry: Entry) {
        if let Some(old) = self.entries.insert(address.clone(), entry) {
            self.take_from_place(address, old);
        }
        let address = address.clone();
        match entry.place {
            Place::Ready => self.ready.insert((entry.rank, address)),
            Place::Delayed(until) => self.delayed.insert((until, address)),
            Place::Running { .. } => self.running.insert((entry.rank, address)),
            Place::Along => true,
        };
    }

    fn take_from_place(&mut self, address: &BlobAddress, entry: Entry) {
        match entry.place {
            Place::Ready => self.ready.remove(&(entry.rank, address.clone())),
            Place::Delayed(until) => self.delayed.remove(&(until, address.clone())),
            Place::Running { .. } => self.running.remove(&(entry.rank, address.clone())),
            Place::Along => true,
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
            schedule.want(&blob(n), work, priority);
        }
        assert_eq!(started(&mut schedule, at(0)), [4, 2, 1, 3, 0, 5].map(blob));
    }

    #[test]
    fn an_urgent_one_overtakes_the_least_urgent_that_runs_and_that_one_goes_on_later() {
        let mut schedule = Schedule::new(2);
        schedule.want(&blob(0), Work::Download, Priority::Normal);
        schedule.want(&blob(1), Work::Download, Priority::Low);
        assert_eq!(started(&mut schedule, at(0)).len(), 2);
        schedule.want(&blob(2), Work::Download, Priority::Urgent);
        assert_eq!(schedule.next(at(0)), Next::Stop(blob(1)));
        // One place is being freed: nobody else has to stop for the same one.
        assert_eq!(schedule.next(at(0)), Next::Wait(None));
        schedule.ended(&blob(1));
        assert_eq!(started(&mut schedule, at(0)), [blob(2)]);
        schedule.ended(&blob(2));
        schedule.remove(&blob(2));
        assert_eq!(started(&mut schedule, at(0)), [blob(1)]);
    }

    #[test]
    fn those_alike_run_in_one_place_and_those_that_must_not_do_not() {
        let mut schedule = Schedule::new(1);
        for n in 0..6 {
            schedule.want(&blob(n), Work::Upload, Priority::Normal);
        }
        schedule.want(&BlobAddress::new("other", "b").unwrap(), Work::Upload, Priority::Normal);
        schedule.want(&blob(8), Work::Upload, Priority::Low);
        schedule.want(&blob(9), Work::Download, Priority::Low);
        schedule.set_alone(&blob(2));
        assert_eq!(schedule.next(at(0)), Next::Start(blob(0), Work::Upload));
        assert_eq!(schedule.along(&blob(0), 3), [1, 3, 4].map(blob));
        assert_eq!((schedule.next(at(0)), schedule.runs(&blob(3))), (Next::Wait(None), Some(Work::Upload)));
        // What is wanted anew meanwhile does not run twice.
        schedule.want(&blob(3), Work::Upload, Priority::Normal);
        for n in [0, 1, 3, 4] {
            schedule.ended(&blob(n));
            schedule.remove(&blob(n));
        }
        assert_eq!(schedule.next(at(0)), Next::Start(blob(2), Work::Upload));
        assert_eq!(schedule.along(&blob(2), 3), []);
        assert_eq!(schedule.waiting(), 4);
    }

    #[test]
    fn an_equal_one_waits_and_a_raised_one_overtakes() {
        let mut schedule = Schedule::new(1);
        schedule.want(&blob(0), Work::Upload, Priority::Normal);
        schedule.want(&blob(1), Work::Upload, Priority::Normal);
        assert_eq!(started(&mut schedule, at(0)), [blob(0)]);
        schedule.want(&blob(1), Work::Upload, Priority::High);
        assert_eq!(schedule.next(at(0)), Next::Stop(blob(0)));
    }

    /// Named after the defect "all transfers serial, one stuck transfer blocked the rest".
    #[test]
    fn neither_a_stuck_transfer_nor_one_put_off_holds_up_another() {
        let mut schedule = Schedule::new(2);
        for n in 0..10 {
            schedule.want(&blob(n), Work::Upload, Priority::Normal);
        }
        assert_eq!(started(&mut schedule, at(0)), [0, 1].map(blob));
        schedule.ended(&blob(1));
        schedule.delay(&blob(1), at(60));
        // Number 0 never ends.
        for n in 2..10 {
            assert_eq!(started(&mut schedule, at(1)), [blob(n)]);
            schedule.ended(&blob(n));
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
                        schedule.want(&address, Work::Upload, priority);
                        wanted.insert(address.clone());
                        priorities.insert(address, priority);
                    }
                    2 if running.remove(&address).is_some() => {
                        schedule.ended(&address);
                        schedule.remove(&address);
                        wanted.remove(&address);
                    }
                    3 if running.remove(&address).is_some() => {
                        schedule.ended(&address);
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
