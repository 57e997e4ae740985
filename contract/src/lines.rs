//! A subject's side of the pipe: one message a line. Subjects and adapters read requests and write replies with these functions,
//! so that a line that is too long is the same failure everywhere.

use std::io::{self, BufRead, Read as _, Write};

use super::{LINE_LIMIT, Reply};

/// A line that is longer than [`LINE_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Writes a reply as a line, at once.
///
/// # Errors
/// When the pipe fails.
pub fn write_reply(output: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

/// The next line without its end, `None` at the end of the input. A line over the limit is skipped in constant memory.
///
/// # Errors
/// When the pipe fails.
pub fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    input.by_ref().take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let ended = line.pop_if(|byte| *byte == b'\n').is_some();
    if line.len() > LINE_LIMIT {
        if !ended {
            input.skip_until(b'\n')?;
        }
        return Ok(Some(Err(TooLong)));
    }
    Ok(Some(Ok(line)))
}
