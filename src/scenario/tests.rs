//! What a mistake in a scenario file looks like to the person who made it.

use std::path::{Path, PathBuf};

use super::{PlanError, Problems, load_folder, load_texts, plan};
use crate::model::{Limit, Margin, Metric, Profile, Value, Values};

const GOOD: &str = r#"name = "sync/upload"
version = 1
question = "How long?"
reading = "So."
roles = ["client", "server"]
label = "{documents} × {size}"

[parameters]
documents = "count"
size = "bytes"

[sampling]
trials = { quick = 6, gate = 10, full = 12 }
warmup = 1
samples = 5
timeout = "60 s"

[[points]]
parameters = { documents = 1000, size = "10 kB" }
profiles = ["quick", "full"]
expect = { items = 1000, bytes = "10 MB", digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
"#;

fn load(files: &[(&str, &str)]) -> Result<Vec<super::Scenario>, Problems> {
    let texts: Vec<(PathBuf, String)> =
        files.iter().map(|(path, text)| (Path::new("s").join(path), (*text).to_owned())).collect();
    load_texts(Path::new("s"), &texts)
}

#[track_caller]
fn problem(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the good file has no `{from}`");
    load(&[("sync/upload.toml", &GOOD.replacen(from, to, 1))]).unwrap_err().to_string()
}

#[test]
fn a_good_file_becomes_cases() {
    let scenarios = load(&[("sync/upload.toml", GOOD)]).unwrap();
    let plan = plan(&scenarios, Profile::Quick, &["sync/*".into()]).unwrap();
    let case = &plan.cases[0];
    assert_eq!(case.case.key(), "sync/upload@1 documents=1000 size=10000");
    assert_eq!(case.label.0, "1000 × 10 kB");
    assert_eq!((case.trials, case.warmup, case.samples, case.iterations), (6, 1, 5, 1));
    assert_eq!((case.expect.items, case.expect.bytes), (1000, 10_000_000));
    // The server is started first, however the file orders them.
    assert_eq!(case.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(), ["server", "client"]);
}

#[test]
fn a_label_may_name_settings() {
    let labelled = GOOD.replace("{size}\"", "{size}, {store.journal}\"");
    let text = load(&[("sync/upload.toml", &labelled)]).unwrap_err().to_string();
    assert!(text.contains("`store.journal`, which is no parameter and no setting"), "{text}");
    let set = labelled.replace("profiles =", "configuration = { \"store.journal\" = \"delete\" }\nprofiles =");
    let scenarios = load(&[("sync/upload.toml", &set)]).unwrap();
    assert_eq!(scenarios[0].points[0].label.0, "1000 × 10 kB, delete");
}

#[test]
fn braces_of_a_label_are_doubled_or_told() {
    let text = problem("× {size}\"", "× {size\"");
    assert!(text.contains("a brace of `{documents} × {size` stands alone; write {{ or }}"), "{text}");
    let doubled = GOOD.replace("× {size}\"", "× {{size}}\"");
    assert_eq!(load(&[("sync/upload.toml", &doubled)]).unwrap()[0].points[0].label.0, "1000 × {size}");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_likely_one() {
    assert_eq!(
        problem("warmup = 1", "warmpu = 1"),
        "s/sync/upload.toml:14: unknown field `warmpu`, expected one of `trials`, `warmup`, `samples`, `timeout`\n    \
         did you mean `warmup`?"
    );
}

#[test]
fn a_bad_unit_is_named_with_its_line() {
    let text = problem("\"60 s\"", "\"60 sec\"");
    assert!(text.starts_with("s/sync/upload.toml:16: "), "{text}");
    let text = problem("\"10 kB\"", "\"10 kilo\"");
    assert!(text.starts_with("s/sync/upload.toml:19: ") && text.contains("10 kilo"), "{text}");
}

#[test]
fn a_name_stands_once_and_where_it_says() {
    let other = GOOD.replace("How long?", "Again?");
    let text = load(&[("sync/upload.toml", GOOD), ("sync/zz.toml", &other)]).unwrap_err().to_string();
    assert_eq!(
        text,
        "s/sync/zz.toml:1: `sync/upload` is the name of s/sync/upload.toml already\n    give one of the two another name"
    );
    let text = load(&[("sync/else.toml", GOOD)]).unwrap_err().to_string();
    assert!(text.contains("move the file to s/sync/upload.toml"), "{text}");
}

#[test]
fn a_missing_folder_and_an_empty_one_say_what_to_do() {
    let text = load_folder(Path::new("/nowhere/scenarios")).unwrap_err().to_string();
    assert!(text.contains("/nowhere/scenarios") && text.contains("--scenarios"), "{text}");
    let empty = tempfile::tempdir().unwrap();
    assert!(load_folder(empty.path()).unwrap_err().to_string().contains("no scenario here"));
}

#[test]
fn other_mistakes_are_said_plainly() {
    for (from, to, said) in [
        ("\"sync/upload\"", "\"Sync upload\"", "not a scenario's name"),
        ("version = 1", "version = 0", "starts at 1"),
        ("\"count\"", "\"cuont\"", "did you mean `count`?"),
        ("{size}\"", "{sise}\"", "did you mean `size`?"),
        ("\"server\"]", "\"sever\"]", "did you mean `server`?"),
        ("[\"client\", \"server\"]", "[\"server\"]", "needs the role `client`"),
        ("documents = 1000,", "documents = -1,", "a whole number"),
        ("[sampling]", "[baseline]\n\"store.cipher\" = false\n[sampling]", "no point has the settings of the baseline"),
        ("documents = 1000,", "", "this point has no `documents`"),
        ("documents = 1000,", "documents = 1000, cipher = \"x\",", "not in [parameters]"),
        ("\"quick\", ", "\"quik\", ", "did you mean `quick`?"),
        ("0123456789abcdef\"", "0123456789abcdeF\"", "lowercase hex"),
        ("samples = 5", "samples = 0", "from 1 to"),
        ("version = 1", "version = 1\nversion = 2", "s/sync/upload.toml:3"),
        ("version = 1", "version = ", "s/sync/upload.toml:2"),
    ] {
        let text = problem(from, to);
        assert!(text.contains(said), "{from} -> {to}: {text}");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let broken = GOOD.replace("version = 1", "version = 0").replace("\"60 s\"", "\"soon\"");
    let Problems(problems) = load(&[("sync/upload.toml", &broken)]).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [Some(2), Some(16)]);
}

#[test]
fn a_pattern_without_a_match_names_the_nearest() {
    let scenarios = load(&[("sync/upload.toml", GOOD)]).unwrap();
    let error = plan(&scenarios, Profile::Quick, &["sync/uplaod".into()]).unwrap_err();
    assert_eq!(error.to_string(), "no scenario matches `sync/uplaod`; did you mean `sync/upload`?");
    assert_eq!(plan(&scenarios, Profile::Gate, &[]), Err(PlanError::Empty(Profile::Gate)));
}

#[test]
fn a_point_has_settings_of_its_own_and_its_label_tells_them() {
    let point =
        "[[points]]\nlabel = \"{documents}, cipher {store.cipher}\"\nconfiguration = { \"store.cipher\" = false }\n";
    let text = GOOD.replacen("[[points]]\n", point, 1).replacen(
        "[sampling]",
        "[configuration]\n\"store.cipher\" = true\npadding = \"none\"\n[baseline]\n\"store.cipher\" = false\n[sampling]",
        1,
    );
    let scenario = load(&[("sync/upload.toml", &text)]).unwrap().remove(0);
    let point = &scenario.points[0];
    assert_eq!(point.label.0, "1000, cipher off");
    let settings = [("padding", Value::Text("none".into())), ("store.cipher", Value::Flag(false))];
    assert_eq!(point.configuration, Values::from(settings.map(|(name, value)| (name.to_owned(), value))));
    assert_eq!(scenario.baseline, Some(Values::from([("store.cipher".to_owned(), Value::Flag(false))])));
}

#[test]
fn rules_of_deciding_are_read_and_checked() {
    let rules = "\n[gate]\nmetrics = [\"client.reactor_p99\"]\nexact = [\"client.requests\"]\nmargins = { \"wall_time\" = \
                 \"2%\", \"client.rss_peak\" = \"256 kB\" }\n[budgets]\n\"client.rss_peak\" = \"64 MB\"\nwall_time = \"1.10 × \
                 anchor\"\n[sampling]";
    let text = GOOD.replacen("[sampling]", rules, 1);
    let scenario = load(&[("sync/upload.toml", &text)]).unwrap().remove(0);
    let metric = |name: &str| name.parse::<Metric>().unwrap();
    assert!(scenario.rules.gates(metric("client.reactor_p99")) && scenario.rules.gates(Metric::WALL_TIME));
    assert!(!scenario.rules.gates(metric("client.wire_sent")));
    assert_eq!(scenario.rules.margin(metric("client.requests")), Margin { share: 0.0, absolute: 0.0 });
    assert_eq!(scenario.rules.margin(Metric::WALL_TIME), Margin { share: 0.02, absolute: 0.0 });
    assert_eq!(scenario.rules.margin(metric("client.rss_peak")), Margin { share: 0.0, absolute: 256_000.0 });
    assert_eq!(scenario.rules.margin(metric("server.rss_peak")), Margin { share: 0.01, absolute: 2_097_152.0 });
    let limits: Vec<Limit> = scenario.rules.budgets.iter().map(|budget| budget.limit).collect();
    assert_eq!(limits, [Limit::Value(64e6), Limit::OfAnchor(1.1)]);
    for (wrong, said) in [
        ("[gate]\nmetrics = [\"cpu_time\"]\n", "there is no metric `cpu_time`"),
        ("[gate]\nmetrics = [\"load.cpu_time\"]\n", "the scenario has no role `load`"),
        ("[gate]\nmargins = { wall_time = \"much\" }\n", "much"),
        ("[budgets]\nwall_time = \"-1 × anchor\"\n", "is not a limit"),
        ("[budgets]\n\"client.requests\" = \"few\"\n", "is not a count"),
    ] {
        let told = problem("[sampling]", &format!("{wrong}[sampling]"));
        assert!(told.contains(said), "{told}");
    }
}
