//! Injected regressions of a known size, with which the platform measures how small a change it detects.
//! It must never touch the engine, nor do anything where nothing is injected.

use std::fs::File;
use std::hint::{black_box, spin_loop};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use benchline_contract::{Injection, Prepare, Role};
use tokio::runtime::Handle;

use crate::clock::thread_cpu;
use crate::error::SubjectError;
use crate::parameters::unknown;

/// The most bytes that are held, or written in each iteration.
const MAX_BYTES: u64 = 4 << 30;

/// The longest CPU time or block of each iteration.
const MAX_DURATION: Duration = Duration::from_secs(60);

/// Bytes of one write call.
const BLOCK: u64 = 64 << 10;

/// What is injected into one process.
pub(crate) struct Injected {
    slowdown_ppm: u32,
    cpu: Duration,
    reactor_block: Duration,
    runtime: Handle,
    writes: Option<Writes>,
    /// Held so that it counts as resident.
    _memory: Vec<u8>,
}

/// Writes of a number of bytes, each over the one before, so that the file does not grow.
struct Writes {
    file: File,
    block: Vec<u8>,
    bytes: u64,
}

impl Injected {
    /// Prepares what the request injects. Called before the case is set up, so that the injected memory is additional and not
    /// reused from what the setup frees.
    pub(crate) fn prepare(request: &Prepare, runtime: &Handle) -> Result<Option<Self>, SubjectError> {
        let Some(injection) = request.injection else { return Ok(None) };
        let Injection { role, slowdown_ppm, memory_bytes, write_bytes, cpu_ms, reactor_block_ms } = injection;
        if request.role != role {
            let this = [request.role.as_str()];
            return Err(unknown("role of an injection into this process", role.as_str(), this));
        }
        if slowdown_ppm > 0 && role == Role::Server {
            return Err(SubjectError::Order("a server times nothing, so it has nothing to slow down".to_owned()));
        }
        if memory_bytes.max(write_bytes) > MAX_BYTES {
            return Err(SubjectError::Order(format!("at most {MAX_BYTES} bytes are injected")));
        }
        let [cpu, reactor_block] = [cpu_ms, reactor_block_ms].map(Duration::from_millis);
        if cpu.max(reactor_block) > MAX_DURATION {
            return Err(SubjectError::Order(format!("at most {MAX_DURATION:?} are injected")));
        }
        let writes = (write_bytes > 0).then(|| Writes::prepare(Path::new(&request.folder), write_bytes)).transpose();
        Ok(Some(Self {
            slowdown_ppm,
            cpu,
            reactor_block,
            runtime: runtime.clone(),
            writes: writes.map_err(SubjectError::engine("making the file for injected writes"))?,
            _memory: touched(memory_bytes).map_err(SubjectError::engine("taking the injected memory"))?,
        }))
    }

    /// Does everything once, for a role that does not iterate.
    pub(crate) fn disturb(&self) -> io::Result<()> {
        self.burn();
        self.block();
        self.write()
    }

    /// Uses the injected CPU time, on a thread that does nothing else.
    pub(crate) fn burn(&self) {
        if !self.cpu.is_zero() {
            thread::scope(|scope| scope.spawn(|| while thread_cpu() < self.cpu {}).join()).ok();
        }
    }

    /// Blocks every thread of the runtime for the injected time. A thread that starts late is released with the others, so
    /// that the block is never longer than requested.
    pub(crate) fn block(&self) {
        if self.reactor_block.is_zero() {
            return;
        }
        let until = Instant::now() + self.reactor_block;
        let sleep = || async move { thread::sleep(until.saturating_duration_since(Instant::now())) };
        let asleep: Vec<_> = (0..self.runtime.metrics().num_workers()).map(|_| self.runtime.spawn(sleep())).collect();
        for task in asleep {
            // It only sleeps; were the runtime gone, there would be nothing to block.
            let _ = self.runtime.block_on(task);
        }
    }

    /// Spins for the injected share of the time since `began`.
    pub(crate) fn slow_down(&self, began: Instant) {
        let worked = began.elapsed();
        let until = worked + worked.mul_f64(f64::from(self.slowdown_ppm) / 1e6);
        while began.elapsed() < until {
            spin_loop();
        }
    }

    /// Writes the injected bytes, once.
    pub(crate) fn write(&self) -> io::Result<()> {
        let Some(Writes { file, block, bytes }) = &self.writes else { return Ok(()) };
        let mut written = 0;
        while written < *bytes {
            // At most a block, so it fits.
            let part = (bytes - written).min(BLOCK) as usize;
            file.write_all_at(&block[..part], written)?;
            written += part as u64;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn slowdown(slowdown_ppm: u32, runtime: &Handle) -> Self {
        let (none, runtime) = (Duration::ZERO, runtime.clone());
        Self { slowdown_ppm, cpu: none, reactor_block: none, runtime, writes: None, _memory: Vec::new() }
    }
}

impl Writes {
    fn prepare(folder: &Path, bytes: u64) -> io::Result<Self> {
        let file = File::create(folder.join("injected"))?;
        Ok(Self { file, block: vec![0; bytes.min(BLOCK) as usize], bytes })
    }
}

/// Memory whose every page is resident: it is not zero, so that no page is shared.
fn touched(bytes: u64) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = usize::try_from(bytes)?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(bytes)?;
    memory.resize(bytes, 1);
    Ok(black_box(memory))
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Runtime;

    use super::*;
    use crate::clock::process_cpu;

    #[test]
    fn what_is_written_is_as_long_as_ordered_and_does_not_grow() {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        for bytes in [1, BLOCK, BLOCK + 1, 3 * BLOCK - 1] {
            let writes = Some(Writes::prepare(folder.path(), bytes).unwrap());
            let injected = Injected { writes, ..Injected::slowdown(0, runtime.handle()) };
            injected.write().unwrap();
            injected.write().unwrap();
            assert_eq!(folder.path().join("injected").metadata().unwrap().len(), bytes);
        }
    }

    #[test]
    fn spinning_lasts_for_its_share() {
        let runtime = Runtime::new().unwrap();
        for ppm in [0, 10_000, 500_000, 2_000_000] {
            let began = Instant::now();
            std::thread::sleep(Duration::from_millis(5));
            let worked = began.elapsed();
            Injected::slowdown(ppm, runtime.handle()).slow_down(began);
            // A lower bound only: however slow the machine is, the spinning does not end before.
            assert!(began.elapsed() >= worked.mul_f64(1.0 + f64::from(ppm) / 1e6));
        }
    }

    #[test]
    fn what_is_burnt_is_as_much_as_ordered() {
        let runtime = Runtime::new().unwrap();
        let injected = Injected { cpu: Duration::from_millis(20), ..Injected::slowdown(0, runtime.handle()) };
        let before = process_cpu();
        injected.burn();
        // A lower bound only: other tests use CPU time too.
        assert!(process_cpu() - before >= Duration::from_millis(20));
    }
}
