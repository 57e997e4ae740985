//! A process with all of its descendants seen from outside, as one: a server with its workers, a shell with what it runs.
//!
//! - **CPU time** is the sum of the living, in nanoseconds, and what ended descendants left behind: the larger of what was
//!   last seen of them and what the kernel added to the accounts of those that waited for them, which it reports in steps of
//!   10 ms. Of a process that came and went between two readings only the latter is known.
//! - **I/O** is the sum of the living: an account below `/proc` holds that of waited-for children already.
//! - **Memory** is the sum of the living. Pages that several of them share count once for each: what would tell them apart
//!   (`smaps`) stops the process that is being measured, and is never read.
//!
//! For a process without children all of it is what [`ProcessProbe`] reads. Descendants whose parents ended without
//! waiting for them are followed as long as they can be reached: a root that is a subreaper keeps all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
};

use super::process::{Counters, ProcessProbe, READ_LIMIT, read};

/// Readings between two looks for new threads of the processes: a thread may start a process, too.
const THREADS_EVERY: u32 = 10;

/// Readings in quick succession between two looks for new processes.
const SELDOM: u32 = 25;

/// Whether a tree's root is part of what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// It is a subject.
    Counts,
    /// It only holds subjects: its own CPU time and memory are left out. Its I/O cannot be separated from that of the children
    /// that it waited for, so it must do none of its own between two readings.
    OnlyHolds,
}

/// A process that is looked at with all its descendants.
#[derive(Debug)]
pub struct TreeProbe {
    root: u32,
    /// The root, where it does not count.
    left_out: Option<u32>,
    members: BTreeMap<u32, Member>,
    /// CPU time of those that have ended, as far as it was seen.
    ended_cpu_ns: u64,
    ended_switches: u64,
    /// The highest counters reported, so that none ever falls.
    reported: Counters,
    /// The highest sum of memory and the highest mark of one process; `None` while there was but one that counts.
    several_peak: Option<u64>,
    /// CPU time of waited-for children, by the accounts of their parents at the last look.
    waited_for_ns: u64,
    readings: u32,
    /// Readings of the counters between two looks for processes that are new.
    look_every: u32,
    calls: u32,
    tick_ns: u64,
}

#[derive(Debug)]
struct Member {
    probe: ProcessProbe,
    stat: File,
    seen: Counters,
    switches: u64,
}

impl TreeProbe {
    /// Starts looking at a process of the same user and at its descendants.
    ///
    /// # Errors
    /// The process is gone, or `/proc` is not readable.
    pub fn new(root: u32, what: Root) -> io::Result<TreeProbe> {
        let mut tree = TreeProbe {
            root,
            left_out: (what == Root::OnlyHolds).then_some(root),
            members: BTreeMap::from([(root, Member::new(root)?)]),
            ended_cpu_ns: 0,
            ended_switches: 0,
            reported: Counters::default(),
            several_peak: None,
            waited_for_ns: 0,
            readings: 0,
            look_every: 1,
            calls: 0,
            tick_ns: 1_000_000_000 / procfs::ticks_per_second().max(1),
        };
        tree.look()?;
        Ok(tree)
    }

    /// The same probe, for readings in quick succession: where the root is a subject, whose processes are few and live long, it
    /// looks for new ones at each 25th reading only. What such a process used before it was found counts from then on.
    pub fn looking_seldom(mut self) -> TreeProbe {
        self.look_every = if self.left_out.is_some() { 1 } else { SELDOM };
        self
    }

    /// CPU time and I/O so far, of the living and of those that have ended. This is also the look for processes that are
    /// new, which the other readings rely on.
    ///
    /// # Errors
    /// The root is gone.
    pub fn counters(&mut self) -> io::Result<Counters> {
        self.renew()?;
        let mut sum = Counters::default();
        for (id, member) in &mut self.members {
            match member.probe.counters() {
                Ok(counters) => member.seen = counters,
                // Its time can be read as long as it was not waited for.
                Err(_) if *id == self.root => drop(member.probe.cpu_ns()?),
                // One that ended since the last look is handled at the next.
                Err(_) => {}
            }
            if self.left_out != Some(*id) {
                sum.cpu_ns += member.seen.cpu_ns;
            }
            sum.bytes_read += member.seen.bytes_read;
            sum.bytes_written += member.seen.bytes_written;
            sum.read_calls += member.seen.read_calls;
            sum.write_calls += member.seen.write_calls;
            sum.storage_written += member.seen.storage_written;
        }
        sum.cpu_ns += self.ended_cpu_ns.max(self.waited_for_ns);
        self.reported = self.reported.highest(&sum);
        Ok(self.reported)
    }

    /// CPU time so far, in nanoseconds, with I/O as [`TreeProbe::counters`] reported it last: half the price.
    ///
    /// # Errors
    /// The root is gone.
    pub fn cpu_alone(&mut self) -> io::Result<Counters> {
        self.renew()?;
        let mut cpu_ns = self.ended_cpu_ns.max(self.waited_for_ns);
        for (id, member) in &mut self.members {
            match member.probe.cpu_ns() {
                Ok(now) => member.seen.cpu_ns = now,
                Err(error) if *id == self.root => return Err(error),
                Err(_) => {}
            }
            if self.left_out != Some(*id) {
                cpu_ns += member.seen.cpu_ns;
            }
        }
        self.reported.cpu_ns = self.reported.cpu_ns.max(cpu_ns);
        Ok(self.reported)
    }

    /// CPU time so far, in nanoseconds.
    ///
    /// # Errors
    /// The root is gone.
    pub fn cpu_ns(&mut self) -> io::Result<u64> {
        self.cpu_alone().map(|counters| counters.cpu_ns)
    }

    /// Looks for new processes where it is time to.
    fn renew(&mut self) -> io::Result<()> {
        let looks = self.calls.is_multiple_of(self.look_every);
        self.calls = self.calls.wrapping_add(1);
        if looks {
            self.look()?;
            self.waited_for_ns = self.members.values().filter_map(Member::waited_for_ticks).sum::<u64>() * self.tick_ns;
        }
        Ok(())
    }

    /// Resident memory now, in bytes: the sum over the living.
    ///
    /// # Errors
    /// The root is gone.
    pub fn rss(&mut self) -> io::Result<u64> {
        let (mut sum, mut counted) = (0, 0);
        for (id, member) in &self.members {
            let rss = member.probe.rss();
            if *id == self.root && rss.is_err() {
                return rss;
            }
            if self.left_out != Some(*id) {
                (sum, counted) = (sum + rss.unwrap_or(0), counted + 1);
            }
        }
        if self.left_out.is_some() || counted > 1 {
            let probes =
                self.members.iter().filter(|(id, _)| self.left_out != Some(**id)).map(|(_, member)| &member.probe);
            let marks = probes.filter_map(|probe| probe.rss_peak().ok()).max().unwrap_or(0);
            self.several_peak = Some(self.several_peak.unwrap_or(0).max(sum).max(marks));
        }
        Ok(sum)
    }

    /// The highest resident memory since the start or the last [`TreeProbe::reset_peak`], in bytes. Of one process it is
    /// the kernel's mark (`VmHWM`). Of several it is the highest sum that [`TreeProbe::rss`] saw, or the highest mark of one of
    /// them where that is higher: a sum that rose and fell between two readings is not known.
    ///
    /// # Errors
    /// The root is gone.
    pub fn rss_peak(&mut self) -> io::Result<u64> {
        self.look()?;
        self.rss()?;
        match (self.several_peak, self.members.get(&self.root)) {
            (Some(peak), _) => Ok(peak),
            (None, Some(root)) => root.probe.rss_peak(),
            (None, None) => Err(gone()),
        }
    }

    /// The part of [`TreeProbe::rss_peak`] that only readings know, since this was last taken; `None` where a single process
    /// was all there was.
    pub fn take_several_peak(&mut self) -> Option<u64> {
        self.several_peak.take()
    }

    /// Makes the peak start again from the present memory.
    ///
    /// # Errors
    /// The root is gone or belongs to somebody else.
    pub fn reset_peak(&mut self) -> io::Result<()> {
        self.look()?;
        self.several_peak = None;
        // One that ends meanwhile has no peak to be reset.
        self.members.values().for_each(|member| drop(member.probe.reset_peak()));
        self.members.get(&self.root).map_or_else(|| Err(gone()), |root| root.probe.reset_peak())
    }

    /// Times that any thread was put on a CPU so far: context switches, voluntary and not.
    ///
    /// # Errors
    /// The root is gone.
    pub fn switches(&mut self) -> io::Result<u64> {
        self.members.get(&self.root).map_or_else(|| Err(gone()), |root| root.probe.cpu_ns())?;
        let mut sum = self.ended_switches;
        for (id, member) in &mut self.members {
            if self.left_out != Some(*id) {
                member.switches = member.probe.switches().unwrap_or(0).max(member.switches);
                sum += member.switches;
            }
        }
        Ok(sum)
    }

    /// Adds new descendants and removes those that have ended.
    fn look(&mut self) -> io::Result<()> {
        if self.readings.is_multiple_of(THREADS_EVERY) {
            self.members.values_mut().for_each(|member| drop(member.probe.find_threads()));
        }
        self.readings = self.readings.wrapping_add(1);
        // The root's threads can be listed as long as it is there, ended or not.
        let mut waiting = vec![self.root];
        let mut living = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            let known = self.members.contains_key(&id);
            if !known && let Ok(member) = Member::new(id) {
                self.members.insert(id, member);
            }
            let Some(member) = self.members.get_mut(&id).filter(|_| living.insert(id)) else { continue };
            waiting.extend(member.probe.children().unwrap_or_default());
        }
        let ended: Vec<u32> = self.members.keys().copied().filter(|id| !living.contains(id)).collect();
        for member in ended.iter().filter_map(|id| self.members.remove(id)) {
            self.ended_cpu_ns += member.seen.cpu_ns;
            self.ended_switches += member.switches;
        }
        self.members.get(&self.root).map_or_else(|| Err(gone()), |root| root.probe.cpu_ns()).map(drop)
    }
}

impl Member {
    fn new(id: u32) -> io::Result<Member> {
        let stat = File::open(format!("/proc/{id}/stat"))?;
        Ok(Member { probe: ProcessProbe::new(id)?, stat, seen: Counters::default(), switches: 0 })
    }

    /// CPU time of children that it waited for, and of theirs, in clock ticks.
    fn waited_for_ticks(&self) -> Option<u64> {
        parse_waited_for(read(&self.stat, &mut [0; READ_LIMIT]).ok()?)
    }
}

/// The processes that descend from `root`, as they are now, without `root` itself.
pub fn descendants(root: u32) -> Vec<u32> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        let children = ProcessProbe::new(id).and_then(|mut probe| probe.children()).unwrap_or_default();
        waiting.extend(children.into_iter().filter(|child| found.insert(*child)));
    }
    found.into_iter().collect()
}

fn gone() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

/// `cutime` and `cstime` of `/proc/PID/stat`, together. The name before them may hold anything, `)` too.
fn parse_waited_for(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    // The state is the third field of all and the first here; the two are the 16th and the 17th.
    let user: u64 = fields.nth(13)?.parse().ok()?;
    Some(user + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    };

    use super::*;

    /// A shell that does a line at a time and says when it is done.
    struct Shell(Child, ChildStdin, BufReader<ChildStdout>);

    impl Shell {
        fn start() -> Shell {
            let piped = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let mut child = piped.unwrap();
            let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            Shell(child, input, BufReader::new(output))
        }

        fn does(&mut self, line: &str) {
            writeln!(self.1, "{line}\necho done").unwrap();
            let mut said = String::new();
            self.2.read_line(&mut said).unwrap();
            assert_eq!(said, "done\n", "{line}");
        }

        fn tree(&self, what: Root) -> TreeProbe {
            TreeProbe::new(self.0.id(), what).unwrap()
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            for id in descendants(self.0.id()) {
                let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn kernel_texts_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 200 0 0 11 12 130 14 20 0 1 0";
        assert_eq!(parse_waited_for(stat), Some(144));
        assert_eq!(parse_waited_for("7 (sh"), None);
        assert_eq!(parse_waited_for(""), None);
    }

    #[test]
    fn what_children_used_counts_while_they_live_and_after() {
        let mut shell = Shell::start();
        let mut tree = shell.tree(Root::Counts);
        let before = tree.counters().unwrap();
        // Two generations: bytes that a grandchild read, all waited for.
        shell.does("sh -c 'head -c 3000000 /dev/zero | wc -c >/dev/null; true'");
        let after = tree.counters().unwrap().since(&before);
        assert!((6_000_000..6_200_000).contains(&after.bytes_read), "head and wc read 3 MB each: {after:?}");
        assert!((3_000_000..3_200_000).contains(&after.bytes_written), "head alone wrote them: {after:?}");
    }

    #[test]
    fn cpu_time_of_the_living_and_of_the_ended_is_that_of_the_kernel() {
        let mut shell = Shell::start();
        let mut tree = shell.tree(Root::OnlyHolds);
        let before = tree.cpu_ns().unwrap();
        shell.does("sh -c 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; kill -STOP $$' & child=$!");
        // The child is alive until it is told to go on: its CPU time is its own clock's.
        let child = loop {
            let found = descendants(shell.0.id());
            if let [child] = found[..]
                && std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap().contains(") T ")
            {
                break child;
            }
        };
        let clock = ProcessProbe::new(child).unwrap().cpu_ns().unwrap();
        assert!(clock > 5_000_000, "the loop takes some milliseconds: {clock}");
        let living = tree.cpu_ns().unwrap() - before;
        assert_eq!(living, clock);
        shell.does("kill -CONT $child; wait $child");
        let ended = tree.cpu_ns().unwrap() - before;
        assert!((living..living + 25_000_000).contains(&ended), "{living} while it lived, {ended} after");
    }

    #[test]
    fn memory_is_the_sum_of_those_that_count() {
        let mut shell = Shell::start();
        let mut whole = shell.tree(Root::Counts);
        let mut held = shell.tree(Root::OnlyHolds);
        assert_eq!(whole.take_several_peak(), None, "one process has the kernel's mark");
        assert_eq!(held.rss().unwrap(), 0, "nothing is held yet");
        let alone = whole.rss_peak().unwrap();
        assert_eq!(alone, ProcessProbe::new(shell.0.id()).unwrap().rss_peak().unwrap());
        shell.does("sleep 60 & sleep 60 &");
        let ids = descendants(shell.0.id());
        assert_eq!(ids.len(), 2);
        whole.counters().unwrap();
        held.counters().unwrap();
        let sum: u64 = ids.iter().map(|id| ProcessProbe::new(*id).unwrap().rss().unwrap()).sum();
        assert!(held.rss().unwrap().abs_diff(sum) < 4_000_000, "two sleeps take some pages: {sum}");
        assert!(whole.rss().unwrap() > held.rss().unwrap());
        assert!(whole.rss_peak().unwrap() >= alone);
        assert!(whole.take_several_peak().is_some());
    }

    #[test]
    fn a_root_that_has_ended_is_an_error() {
        let mut shell = Shell::start();
        let mut tree = shell.tree(Root::Counts);
        shell.does("true");
        shell.0.kill().unwrap();
        shell.0.wait().unwrap();
        assert!(tree.counters().is_err() && tree.rss().is_err() && tree.rss_peak().is_err());
    }
}
