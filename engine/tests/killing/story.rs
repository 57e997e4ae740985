//! What both sides of the test must agree on: chance that can be repeated, the contents of documents and blobs, and the
//! log of what was begun and what was done.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::support::payload;

/// Numbers that follow from a seed (splitmix64).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seeds: &[u64]) -> Self {
        seeds.iter().fold(Self(0), |mut chance, seed| Self(chance.next() ^ seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the first `count` numbers.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// One of these, if there are any.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len() as u64) as usize) }
    }
}

/// The edits that a document's content names. Each edit names those of all versions that it replaces, and itself.
pub(super) type Edits = BTreeSet<String>;

/// The content of a document with these edits: their names, and bytes that follow from them.
pub(super) fn document(edits: &Edits) -> Vec<u8> {
    let names = edits.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut content = format!("{names}\n").into_bytes();
    let sum = names.bytes().fold(7usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    content.extend(payload(sum, sum % 3000));
    content
}

/// The edits that a content names, which must be exactly what [`document`] makes of them.
pub(super) fn edits(content: &[u8]) -> Edits {
    let end = content.iter().position(|byte| *byte == b'\n').expect("a line");
    let names = std::str::from_utf8(&content[..end]).unwrap();
    let edits: Edits = names.split(' ').map(str::to_owned).collect();
    assert!(document(&edits) == content, "a document's content is not what anybody wrote: {names}");
    edits
}

/// The content of a blob under an id, as it was put for the `version`-th time.
pub(super) fn blob(id: &str, version: u64) -> Vec<u8> {
    let seeds: Vec<u64> = id.bytes().map(u64::from).chain([version]).collect();
    let mut chance = Chance::new(&seeds);
    let size = [0, 40, 3000, 70_000, 250_000, 900_000][chance.below(6) as usize] + chance.below(5000);
    let mut content = format!("{id} {version}\n").into_bytes();
    content.extend(payload(chance.below(1 << 40) as usize, size as usize));
    content
}

/// The version that a blob's content says it is, which must be exactly what [`blob`] makes.
pub(super) fn version(id: &str, content: &[u8]) -> u64 {
    let end = content.iter().position(|byte| *byte == b'\n').expect("a line");
    let line = std::str::from_utf8(&content[..end]).unwrap();
    let version = line.strip_prefix(id).expect("it is another blob's").trim().parse().unwrap();
    assert!(blob(id, version) == content, "a blob's content is not what anybody put: {line}");
    version
}

/// What a device was about to do, and was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// A document was created or edited; the name of the edit.
    Edit { document: String, edit: String },
    /// A document was deleted that held these edits.
    Erase { document: String, edits: Edits },
    /// A blob was put.
    Put { id: String, version: u64 },
    /// A draft was put, or put again.
    Draft { id: String, version: u64 },
    /// A draft was sent.
    Send { id: String },
    /// A blob was deleted.
    Delete { id: String },
    /// Everything was exchanged with the server.
    Sync,
}

/// One device's log: each deed when it begins, and again when it is done.
pub(super) struct Log(File);

const NAME: &str = "log";

impl Log {
    pub(super) fn open(folder: &Path) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(folder.join(NAME)).unwrap())
    }

    pub(super) fn begin(&mut self, deed: &Deed) {
        self.write(&format!("begin {}", deed.text()));
    }

    pub(super) fn done(&mut self, deed: &Deed) {
        self.write(&format!("done {}", deed.text()));
    }

    fn write(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.0.sync_data().unwrap();
    }

    /// How many lines a device has written.
    pub(super) fn lines(folder: &Path) -> usize {
        std::fs::read(folder.join(NAME)).map_or(0, |log| log.iter().filter(|byte| **byte == b'\n').count())
    }

    /// The last lines, for messages.
    pub(super) fn tail(folder: &Path) -> String {
        let log = std::fs::read_to_string(folder.join(NAME)).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join(" <- ")
    }

    /// Every deed in order, and whether it was done.
    pub(super) fn read(folder: &Path) -> Vec<(Deed, bool)> {
        let log = std::fs::read_to_string(folder.join(NAME)).unwrap();
        let mut deeds: Vec<(Deed, bool)> = Vec::new();
        for line in log.lines() {
            match line.split_once(' ').unwrap() {
                ("begin", deed) => deeds.push((Deed::parse(deed), false)),
                (_, deed) => {
                    let last = deeds.last_mut().unwrap();
                    assert_eq!(last.0, Deed::parse(deed));
                    last.1 = true;
                }
            }
        }
        deeds
    }
}

impl Deed {
    fn text(&self) -> String {
        match self {
            Self::Edit { document, edit } => format!("edit {document} {edit}"),
            Self::Erase { document, edits } => {
                format!("erase {document} {}", edits.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
            }
            Self::Put { id, version } => format!("put {id} {version}"),
            Self::Draft { id, version } => format!("draft {id} {version}"),
            Self::Send { id } => format!("send {id}"),
            Self::Delete { id } => format!("delete {id}"),
            Self::Sync => "sync".to_owned(),
        }
    }

    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let own = |n: usize| words[n].to_owned();
        match words[0] {
            "edit" => Self::Edit { document: own(1), edit: own(2) },
            "erase" => {
                Self::Erase { document: own(1), edits: words[2..].iter().map(|&edit| edit.to_owned()).collect() }
            }
            "put" => Self::Put { id: own(1), version: words[2].parse().unwrap() },
            "draft" => Self::Draft { id: own(1), version: words[2].parse().unwrap() },
            "send" => Self::Send { id: own(1) },
            "delete" => Self::Delete { id: own(1) },
            _ => Self::Sync,
        }
    }
}
