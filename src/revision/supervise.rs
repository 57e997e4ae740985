//! Runs a command in a process group of its own: its output line by line, a time limit, a stop flag. When it returns,
//! no process of the group is left.

use std::{
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};

/// How often the stop flag and the clock are looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Between a polite signal and the last one.
const GRACE: Duration = Duration::from_secs(2);

/// A longer line is cut into pieces of this many bytes.
const MAX_LINE: u64 = 8 << 10;

/// Lines that may wait; a command that writes faster than they are handled has to wait too.
const MAX_WAITING: usize = 256;

/// Which of a command's pipes a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself.
    Done(ExitStatus),
    /// Killed, for the stop flag was raised.
    Stopped,
    /// Killed, for it took too long.
    TimedOut,
}

/// Runs a command to its end. Lines are stripped of control characters.
pub(super) fn run(
    command: &mut Command,
    limit: Duration,
    stop: &AtomicBool,
    line: &mut dyn FnMut(Pipe, &str),
) -> io::Result<Ending> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let group = Group(Pid::from_raw(child.id().cast_signed()));
    let lines = read_lines(&mut child);
    let cut_short = loop {
        let open = handle_one(&lines, line);
        if stop.load(Ordering::Relaxed) {
            break Some(Ending::Stopped);
        }
        if began.elapsed() > limit {
            break Some(Ending::TimedOut);
        }
        if group.leader_ended() {
            break None;
        }
        if !open {
            thread::sleep(GLANCE);
        }
    };
    if cut_short.is_some() {
        group.ask_to_end(&lines, line);
    }
    // The leader is still to be waited for, so its number, which is the group's, cannot belong to anybody else.
    group.send(Signal::SIGKILL);
    drain(&lines, line);
    let status = child.wait()?;
    Ok(cut_short.unwrap_or(Ending::Done(status)))
}

/// A process group whose leader has not been waited for.
struct Group(Pid);

impl Group {
    fn leader_ended(&self) -> bool {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        !matches!(waitid(Id::Pid(self.0), look), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
    }

    fn send(&self, signal: Signal) {
        // It fails only where the receiver is gone.
        let _ = killpg(self.0, signal);
    }

    fn ask_to_end(&self, lines: &Receiver<(Pipe, String)>, line: &mut dyn FnMut(Pipe, &str)) {
        self.send(Signal::SIGTERM);
        let asked = Instant::now();
        while !self.leader_ended() && asked.elapsed() < GRACE {
            if !handle_one(lines, line) {
                thread::sleep(GLANCE);
            }
        }
    }
}

/// Handles a line if one comes soon. False where none will ever come.
fn handle_one(lines: &Receiver<(Pipe, String)>, line: &mut dyn FnMut(Pipe, &str)) -> bool {
    match lines.recv_timeout(GLANCE) {
        Ok((pipe, text)) => line(pipe, &text),
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => return false,
    }
    true
}

/// Handles what is still in the pipes. A process that left the group may hold them open: it is not waited for.
fn drain(lines: &Receiver<(Pipe, String)>, line: &mut dyn FnMut(Pipe, &str)) {
    let until = Instant::now() + GRACE;
    // No time left ends it even where lines keep coming.
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let Ok((pipe, text)) = lines.recv_timeout(left) else { return };
        line(pipe, &text);
    }
}

fn read_lines(child: &mut Child) -> Receiver<(Pipe, String)> {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    if let Some(pipe) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || forward(pipe, Pipe::Output, &sender));
    }
    if let Some(pipe) = child.stderr.take() {
        thread::spawn(move || forward(pipe, Pipe::Error, &sender));
    }
    receiver
}

/// Sends lines until the pipe or the receiver is gone.
fn forward(pipe: impl Read, name: Pipe, sender: &SyncSender<(Pipe, String)>) {
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let plain = text.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        if sender.send((name, plain)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).stdin(Stdio::null());
        command
    }

    #[test]
    fn lines_of_both_pipes_arrive_clean() {
        let mut lines = Vec::new();
        let mut keep = |pipe, text: &str| lines.push((pipe, text.to_owned()));
        let mut command = shell("printf 'one\\r\\n\\033[1mtwo'; printf 'bad\\n' >&2; exit 3");
        let ending = run(&mut command, LONG, &AtomicBool::new(false), &mut keep).unwrap();
        assert!(matches!(ending, Ending::Done(status) if status.code() == Some(3)));
        lines.sort_by_key(|(pipe, _)| *pipe == Pipe::Error);
        let expected = [(Pipe::Output, "one"), (Pipe::Output, "[1mtwo"), (Pipe::Error, "bad")];
        assert_eq!(lines, expected.map(|(pipe, text)| (pipe, text.to_owned())));
    }

    #[test]
    fn the_stop_flag_ends_the_whole_group_even_where_it_does_not_listen() {
        let stop = AtomicBool::new(false);
        let mut children = String::new();
        let mut note = |_, text: &str| {
            children = text.to_owned();
            stop.store(true, Ordering::Relaxed);
        };
        let mut command = shell("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done");
        assert_eq!(run(&mut command, LONG, &stop, &mut note).unwrap(), Ending::Stopped);
        // An orphan that nobody waits for may stay on as a zombie; the state follows the name in brackets. The signal is
        // sent when the call returns; on a busy machine the orphan may need a moment to die of it.
        let state = || std::fs::read_to_string(format!("/proc/{children}/stat")).unwrap_or_default();
        let ended = || state().is_empty() || state().contains(") Z ");
        let deadline = std::time::Instant::now() + LONG;
        while !ended() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(ended(), "{}", state());
    }

    #[test]
    fn a_limit_ends_it_and_so_does_its_own_end_with_children_left() {
        let never = AtomicBool::new(false);
        let ending = run(&mut shell("sleep 1000"), Duration::from_millis(50), &never, &mut |_, _| {}).unwrap();
        assert_eq!(ending, Ending::TimedOut);
        let ending = run(&mut shell("sleep 1000 & exit 0"), LONG, &never, &mut |_, _| {}).unwrap();
        assert!(matches!(ending, Ending::Done(status) if status.success()));
    }
}
