//! Work for tests, which ends in unusual ways.

use std::sync::mpsc;

use super::frame::{Fields, Frame};
use super::work::Work;

/// Work that ends in unusual ways.
pub(super) enum TestWork {
    /// Returns the id of the process that ran it.
    Process,
    /// Panics.
    Panic,
    /// Aborts the process that runs it, unless this file exists, which it creates.
    Die { unless: String },
    /// Reports that it has started, and waits until it may end.
    Wait { started: mpsc::Sender<()>, end: mpsc::Receiver<()> },
}

impl Work for TestWork {
    type Value = u64;
    type Error = String;
    const KIND: u8 = 255;

    fn perform(self) -> Result<u64, String> {
        match self {
            Self::Process => Ok(std::process::id().into()),
            Self::Panic => panic!("on purpose"),
            Self::Die { unless } if unless.is_empty() => std::process::abort(),
            // Like a kill: nothing is answered or dropped.
            Self::Die { unless } if !std::path::Path::new(&unless).exists() => {
                std::fs::write(unless, "").unwrap();
                std::process::abort()
            }
            Self::Die { .. } => Ok(7),
            Self::Wait { started, end } => {
                started.send(()).unwrap();
                Ok(u64::from(end.recv().is_ok()))
            }
        }
    }

    fn pack(&self, frame: &mut Frame) {
        match self {
            Self::Process => frame.put(b"process"),
            Self::Panic => frame.put(b"panic"),
            Self::Die { unless } => frame.put(unless.as_bytes()),
            Self::Wait { .. } => {}
        }
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        match fields.take_text()? {
            "process" => Some(Self::Process),
            "panic" => Some(Self::Panic),
            unless => Some(Self::Die { unless: unless.to_owned() }),
        }
    }

    fn pack_value(value: u64, frame: &mut Frame) {
        frame.put_number(value);
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<u64> {
        fields.take_number()
    }
}
