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
    room(2, "scenario", RECORDS),
    room(2, "probe", RECORDS),
    room(2, "revision", &["model"]),
    room(2, "history", &["model"]),
    room(2, "load", &[]),
    // Programs of other people, held at the contract: a subject's side of the pipe.
    room(3, "adapter", &["model", "probe"]),
    room(3, "judge", &["units", "model", "stats"]),
    room(4, "runner", &["model", "scenario", "probe", "revision"]),
    room(4, "charts", RECORDS),
    room(4, "exchange", &["model"]),
    // Pages read what was stored: they never measure.
    room(6, "site", &["units", "stats", "model", "history", "judge", "charts", "exchange"]),
    room(
        7,
        "cli",
        &[
            "units", "stats", "model", "scenario", "probe", "revision", "history", "load", "adapter", "judge",
            "runner", "exchange", "site",
        ],
    ),
    room(8, "main", &["cli"]),
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

/// The packages of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Package {
    Platform,
    Engine,
    Subject,
}

/// Every right of the tables: a room of a package, and what it may import.
pub(super) fn rights() -> impl Iterator<Item = (Package, &'static str, &'static str)> {
    let tables = [(Package::Platform, PLATFORM), (Package::Engine, ENGINE)];
    tables.into_iter().flat_map(|(package, rooms)| {
        rooms.iter().flat_map(move |room| room.may_import.iter().map(move |name| (package, room.name, *name)))
    })
}

/// Why a room may not import a path, if it may not. The path is absolute: it starts with `crate` or a crate's name.
/// Room `lib` is the list of rooms, which may re-export from any of them.
pub(super) fn refusal(package: Package, room: &str, path: &[String]) -> Option<String> {
    let second = path.get(1).map(String::as_str);
    match (package, path[0].as_str()) {
        (Package::Platform, "crate" | "benchline") => inner_refusal(PLATFORM, room, second),
        (Package::Platform, "benchline_subject") if second != Some("contract") => {
            Some("the platform uses the subject through its `contract` alone".to_owned())
        }
        (Package::Platform, "benchline_engine") if room != "cli" => Some("only `cli` uses the engine".to_owned()),
        (Package::Engine, "crate" | "benchline_engine") => inner_refusal(ENGINE, room, second),
        (Package::Engine, "benchline" | "benchline_subject") => {
            Some("the engine knows nothing of the packages that measure it".to_owned())
        }
        (Package::Subject, "benchline") => Some("the subject knows nothing of the platform".to_owned()),
        _ => None,
    }
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
    for rooms in [PLATFORM, ENGINE] {
        for room in rooms {
            for name in room.may_import {
                let below = rooms.iter().find(|other| other.name == *name).unwrap();
                assert!(below.layer < room.layer, "{} may import {name}, which is not below it", room.name);
            }
        }
    }
}
