//! Instructions of a process in user mode, from the processor's own counters, by perf_event_open(2). It must never
//! estimate: where the counter shared the hardware with others and did not run all the time, there is no count.

use std::io;

use perf_event::{Builder, Counter, events::Event, events::Hardware};

/// Counts what a process and all that it starts from now on execute.
pub struct InstructionCounter {
    counter: Counter,
}

impl InstructionCounter {
    /// Starts counting. To see all of a process, this comes before it has started threads or children: the kernel hands a
    /// counter on to what comes after it, and to nothing else.
    ///
    /// # Errors
    /// Why this machine does not count, in plain English.
    pub fn attach(pid: u32) -> Result<InstructionCounter, String> {
        InstructionCounter::count(Hardware::INSTRUCTIONS.into(), pid).map_err(|error| reason(&error))
    }

    fn count(event: Event, pid: u32) -> io::Result<InstructionCounter> {
        let mut builder = Builder::new().kind(event).observe_pid(pid.cast_signed());
        builder.inherit(true);
        let mut counter = builder.build()?;
        counter.enable()?;
        Ok(InstructionCounter { counter })
    }

    /// Instructions so far; nothing where the counter did not run for all of the process's time.
    ///
    /// # Errors
    /// The kernel does not report it.
    pub fn total(&mut self) -> io::Result<Option<u64>> {
        let read = self.counter.read_count_and_time()?;
        Ok((read.time_running == read.time_enabled).then_some(read.count))
    }
}

/// Why there is no counter.
fn reason(error: &io::Error) -> String {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => {
            "this machine does not offer the processor's counters, as most virtual machines".to_owned()
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            "the kernel does not let this user count: set kernel.perf_event_paranoid to 2 or less".to_owned()
        }
        Some(Errno::ENOSYS) => "this kernel has no performance counters".to_owned(),
        _ => format!("the kernel refused to count: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        process::{Command, Stdio},
    };

    use perf_event::events::Software;

    use super::*;

    /// The time that tasks run is counted in software, so that every machine has it, and by the same way: attached from
    /// outside, handed on to children, read while it goes on.
    #[test]
    fn a_counter_follows_a_process_and_its_children() {
        // Two children burn 100 ms each, by their own account.
        let burn = "use Time::HiRes 'clock'; my $until = clock() + 0.1; 1 while clock() < $until;";
        let script = r#"read go; for i in 1 2; do perl -e "$BURN" & done; wait; echo done; read go"#;
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .env("BURN", burn)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let attached = InstructionCounter::count(Software::TASK_CLOCK.into(), shell.id());
        let Ok(mut counter) = attached else {
            eprintln!("skipped: this machine offers no counters at all");
            shell.kill().unwrap();
            shell.wait().unwrap();
            return;
        };
        let before = counter.total().unwrap().unwrap();
        shell.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        shell.stdout.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap();
        let used = counter.total().unwrap().unwrap() - before;
        shell.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        shell.wait().unwrap();
        // Starting Perl costs some too.
        assert!((200_000_000..400_000_000).contains(&used), "{used} ns");
    }

    #[test]
    fn what_is_not_offered_has_a_reason() {
        if let Err(reason) = InstructionCounter::attach(std::process::id()) {
            assert!(reason.contains("counters") || reason.contains("count"), "{reason}");
        }
        let gone = io::Error::from_raw_os_error(nix::errno::Errno::ENOENT as i32);
        assert!(reason(&gone).contains("virtual machines"));
    }
}
