//! Which room may import which: the tables of the design, as data.

/// A room, its layer, and the rooms that it may import.
struct Room {
    name: &'static str,
    layer: u8,
    may_import: &'static [&'static str],
}

const fn room(layer: u8, name: &'static str, may_import: &'static [&'static str]) -> Room {
    Room { name, layer, may_import }
}

const RECORDS: &[&str] = &["units", "model"];

/// The rooms of the platform (`src/`), the lowest layer first. `main` stands for `src/main.rs`.
const PLATFORM: &[Room] = &[
    room(0, "units", &[]),
    room(0, "stats", &[]),
    room(1, "model", &["units"]),
    // Databases of whatever records; the only room that names SQLite.
    room(1, "database", &[]),
    room(2, "scenario", RECORDS),
    room(2, "probe", RECORDS),
    room(2, "revision", &["model"]),
    room(2, "history", &["model", "database"]),
    room(2, "load", &[]),
    // Programs of other people, held at the contract: a subject's side of the pipe.
    room(3, "adapter", &["model", "probe"]),
    room(3, "judge", &["units", "model", "stats"]),
    room(4, "runner", &["model", "scenario", "probe", "revision"]),
    room(4, "charts", RECORDS),
    room(4, "report", &["units", "model", "judge"]),
    // What a command, a worker or a test asks for: build, measure, keep, decide.
    room(5, "campaign", &["stats", "model", "scenario", "probe", "revision", "history", "judge", "runner", "report"]),
    // Pages read what was stored: they never measure.
    room(6, "site", &["units", "stats", "model", "history", "judge", "charts", "report"]),
    // The platform measuring itself.
    room(7, "selfbench", &["stats", "model", "history", "judge", "runner", "campaign", "site"]),
    room(
        8,
        "cli",
        &[
            "units",
            "stats",
            "model",
            "scenario",
            "probe",
            "revision",
            "history",
            "load",
            "adapter",
            "judge",
            "runner",
            "report",
            "campaign",
            "site",
            "selfbench",
        ],
    ),
    room(9, "main", &["cli"]),
];

/// The rooms of the engine (`engine/src/`). `config` holds the knobs, which any room above documents may read.
const ENGINE: &[Room] = &[
    room(0, "crypto", &[]),
    room(1, "document", &["crypto"]),
    room(2, "config", &["crypto"]),
    room(3, "pool", &["crypto", "config"]),
    room(3, "store", &["crypto", "document", "config"]),
    room(4, "protocol", &["crypto", "document"]),
    room(5, "client", &["crypto", "document", "config", "pool", "store", "protocol"]),
    room(5, "server", &["crypto", "document", "config", "store", "protocol"]),
];

/// The modules of the subject (`subject/src/`).
const SUBJECT: &[Room] = &[
    room(0, "allocations", &[]),
    room(0, "fsyncs", &[]),
    room(0, "clock", &[]),
    room(0, "counters", &[]),
    room(0, "error", &[]),
    room(0, "payload", &[]),
    room(1, "parameters", &["error"]),
    room(1, "reactor", &["clock"]),
    room(1, "relay", &["payload"]),
    room(2, "injection", &["clock", "error", "parameters"]),
    room(3, "meter", &["clock", "counters", "error", "injection", "reactor"]),
    room(4, "operations", &["clock", "error", "meter", "parameters", "payload", "relay"]),
    room(5, "serve", &["counters", "error", "injection", "meter", "operations", "parameters", "reactor"]),
];

/// The modules of the engine's command line (`engine-cli/src/`): the commands, and what they share.
const ENGINE_CLI: &[Room] = &[
    room(0, "blobs", &[]),
    room(0, "data", &[]),
    room(0, "options", &[]),
    room(0, "output", &[]),
    room(0, "runtime", &[]),
    room(0, "secrets", &[]),
    room(0, "spinner", &[]),
    room(1, "advice", &["output"]),
    room(1, "device", &["secrets"]),
    room(2, "documents", &["device", "runtime"]),
    room(2, "polling", &["device"]),
    room(2, "transfer", &["device", "output", "runtime"]),
    room(
        3,
        "commands",
        &[
            "advice",
            "blobs",
            "data",
            "device",
            "documents",
            "options",
            "output",
            "polling",
            "runtime",
            "secrets",
            "spinner",
            "transfer",
        ],
    ),
    room(4, "main", &["advice", "commands", "output"]),
];

/// The packages of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Package {
    Platform,
    Contract,
    Engine,
    EngineCli,
    Subject,
}

impl Package {
    /// The libraries of the workspace that it may import, besides its own.
    fn imports(self) -> &'static [&'static str] {
        match self {
            Package::Contract | Package::Engine => &[],
            Package::Platform => &["benchline_contract"],
            Package::EngineCli => &["benchline_engine"],
            Package::Subject => &["benchline_contract", "benchline_engine"],
        }
    }

    /// The name of its own library.
    fn library(self) -> &'static str {
        match self {
            Package::Platform => "benchline",
            Package::Contract => "benchline_contract",
            Package::Engine => "benchline_engine",
            Package::EngineCli => "benchline_engine_cli",
            Package::Subject => "benchline_subject",
        }
    }
}

/// Every right of the tables: a room of a package, and what it may import.
pub(super) fn rights() -> impl Iterator<Item = (Package, &'static str, &'static str)> {
    let tables = [
        (Package::Platform, PLATFORM),
        (Package::Engine, ENGINE),
        (Package::EngineCli, ENGINE_CLI),
        (Package::Subject, SUBJECT),
    ];
    tables.into_iter().flat_map(|(package, rooms)| {
        rooms.iter().flat_map(move |room| room.may_import.iter().map(move |name| (package, room.name, *name)))
    })
}

/// Why a room may not import a path, if it may not. The path is absolute: it starts with `crate` or a crate's name.
/// Room `lib` is the list of rooms, which may re-export from any of them.
pub(super) fn refusal(package: Package, room: &str, path: &[String]) -> Option<String> {
    let second = path.get(1).map(String::as_str);
    let name = path[0].as_str();
    if name == "crate" || name == package.library() {
        return match package {
            Package::Platform => inner_refusal(PLATFORM, room, second),
            Package::Engine => inner_refusal(ENGINE, room, second),
            Package::EngineCli => inner_refusal(ENGINE_CLI, room, second),
            // The program is the library and what must not be linked into a library.
            Package::Subject if room == "main" => None,
            Package::Subject => inner_refusal(SUBJECT, room, second),
            Package::Contract => None,
        };
    }
    let allowed = package.imports();
    let refused = || match allowed {
        [] => "the package imports no other one of the workspace".to_owned(),
        allowed => format!("of the workspace, the package imports {} alone", allowed.join(" and ")),
    };
    (!allowed.contains(&name)).then(refused)
}

fn inner_refusal(rooms: &[Room], importer: &str, imported: Option<&str>) -> Option<String> {
    if importer == "lib" || imported == Some(importer) {
        return None;
    }
    let find = |name: &str| rooms.iter().find(|room| room.name == name);
    let Some(imported) = imported else {
        return Some("names no room: import from the room itself".to_owned());
    };
    match (find(importer), find(imported)) {
        (None, _) => Some(format!("`{importer}` is not a room of the table in tests/tidy/layers.rs")),
        (_, None) => Some(format!("`{imported}` is not a room of the table in tests/tidy/layers.rs")),
        (Some(room), _) if room.may_import.contains(&imported) => None,
        _ => Some(format!("`{importer}` may not import `{imported}`")),
    }
}

#[test]
fn the_tables_point_downwards() {
    for rooms in [PLATFORM, ENGINE, SUBJECT, ENGINE_CLI] {
        for room in rooms {
            for name in room.may_import {
                let below = rooms.iter().find(|other| other.name == *name).unwrap();
                assert!(below.layer < room.layer, "{} may import {name}, which is not below it", room.name);
            }
        }
    }
}
