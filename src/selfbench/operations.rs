//! What the platform does while it measures, each as an operation: it must do what the platform does, by the platform's own
//! functions, and nothing more.

use std::{
    env,
    hint::black_box,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use benchline_contract::{Prepare, Reply, Request, Value};

use super::{
    error::{Result, SelfbenchError},
    operation::{Operation, only_count},
};
use crate::{
    runner,
    stats::{LevelScale, segments},
};

/// `self/changes`: the change points of one series. Its level rises by a tenth in the middle, under noise of 1%.
struct Changes {
    values: Vec<f64>,
    found: Vec<usize>,
}

pub(super) fn changes(prepare: &Prepare) -> Result<Box<dyn Operation>> {
    let points = only_count(&prepare.parameters, "points")?;
    let mut state = prepare.seed;
    let noise = |state: &mut u64| (step(state) >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    let level = |at| if at < points / 2 { 100.0 } else { 110.0 };
    let values = (0..points).map(|at| level(at) * (1.0 + 0.02 * noise(&mut state))).collect();
    Ok(Box::new(Changes { values, found: Vec::new() }))
}

impl Operation for Changes {
    fn once(&mut self) -> Result<()> {
        let cut = segments(black_box(&self.values), LevelScale::Ratio)?;
        self.found = cut.changes.iter().map(|change| change.at).collect();
        Ok(())
    }

    fn items(&self) -> u64 {
        self.values.len() as u64
    }

    fn proof(&mut self) -> Result<String> {
        Ok(self.found.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
    }
}

/// `self/pipe`: requests of the contract that cost their receiver nothing, each sent when the one before is answered.
struct Pipe {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    messages: u64,
    answered: u64,
}

pub(super) fn pipe(prepare: &Prepare) -> Result<Box<dyn Operation>> {
    let messages = only_count(&prepare.parameters, "messages")?;
    let mut command = Command::new(env::current_exe()?);
    let mut child = command.args(["role", "own"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or(SelfbenchError::Pipe("has no input"))?;
    let output = BufReader::new(child.stdout.take().ok_or(SelfbenchError::Pipe("has no output"))?);
    let mut pipe = Pipe { child, input, output, messages, answered: 0 };
    match pipe.receive()? {
        Reply::Hello(_) => Ok(Box::new(pipe)),
        _ => Err(SelfbenchError::Pipe("said no hello")),
    }
}

impl Pipe {
    fn receive(&mut self) -> Result<Reply> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(SelfbenchError::NotAReply)
    }
}

impl Operation for Pipe {
    fn reset(&mut self) -> Result<()> {
        self.answered = 0;
        Ok(())
    }

    fn once(&mut self) -> Result<()> {
        for _ in 0..self.messages {
            let mut line = serde_json::to_vec(&Request::Observe).map_err(SelfbenchError::NotAReply)?;
            line.push(b'\n');
            self.input.write_all(&line)?;
            // Nothing is prepared there, so it says so: an answer like any other.
            if matches!(self.receive()?, Reply::Failed(_)) {
                self.answered += 1;
            }
        }
        Ok(())
    }

    fn items(&self) -> u64 {
        self.messages
    }

    fn proof(&mut self) -> Result<String> {
        Ok(self.answered.to_string())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It ends with its input; were it stuck, it would outlive this process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Multiplications of a piece of work: some 400 ms where they are optimised, so that it is looked at some twenty times.
const MULTIPLICATIONS: u64 = 3_000_000_000;

/// Multiplier and addend of Knuth's MMIX, whose result after any number of steps can be computed by other means.
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const ADDEND: u64 = 1_442_695_040_888_963_407;

/// `self/sampling`: a fixed piece of arithmetic, alone or while this process is read from outside as subjects are.
struct Sampling {
    sampled: bool,
    result: u64,
}

pub(super) fn sampling(prepare: &Prepare) -> Result<Box<dyn Operation>> {
    let sampled = match (prepare.parameters.len(), prepare.parameters.get("sampling")) {
        (1, Some(Value::Text(word))) if word == "on" => true,
        (1, Some(Value::Text(word))) if word == "off" => false,
        _ => return Err(SelfbenchError::Parameters { name: "sampling".to_owned(), kind: "`on` or `off`" }),
    };
    Ok(Box::new(Sampling { sampled, result: 0 }))
}

impl Operation for Sampling {
    fn once(&mut self) -> Result<()> {
        self.result = if self.sampled { runner::sampled(multiply)? } else { multiply() };
        Ok(())
    }

    fn items(&self) -> u64 {
        1
    }

    fn proof(&mut self) -> Result<String> {
        Ok(self.result.to_string())
    }
}

fn multiply() -> u64 {
    let mut state = black_box(1u64);
    for _ in 0..MULTIPLICATIONS {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(ADDEND);
    }
    black_box(state)
}

/// One step of SplitMix64.
fn step(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
