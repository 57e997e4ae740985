//! The parameters of a case for its load. None may be ignored.

use std::time::Duration;

use benchline_contract::{Value, Values};

use super::plan::{Arrivals, Pace};

/// How long a request may wait for its answer, and, in an open loop, for a client that is free: longer than a server
/// that works ever takes, so that what is dropped is a finding.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// How an iteration is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Script {
    pub(super) pace: Pace,
    pub(super) volume: Volume,
    pub(super) keep_alive: bool,
}

/// How much an iteration sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Volume {
    /// This number of requests per client, in a closed loop.
    Each(u64),
    /// This number in all, in an open loop.
    All(u64),
}

/// Why the parameters make no script.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScriptError {
    /// Something that this version does not know: an outcome.
    #[error("{0}")]
    Unknown(String),
    /// Something that makes no sense.
    #[error("{0}")]
    Wrong(String),
}

impl Script {
    /// Reads `each` (closed loop), or `rate` and `seconds` (open loop, with `arrivals`); and `connections`. Parameters
    /// that the server has `obeyed` are left to it.
    pub(super) fn read(parameters: &Values, obeyed: &[String]) -> Result<Self, ScriptError> {
        const KNOWN: [&str; 5] = ["each", "rate", "seconds", "arrivals", "connections"];
        let ours = |name: &str| KNOWN.contains(&name) && !obeyed.iter().any(|other| other == name);
        if let Some(name) = parameters.keys().find(|name| !ours(name) && !obeyed.contains(name)) {
            let known = KNOWN.join(", ");
            return Err(ScriptError::Unknown(format!(
                "parameter `{name}` is known to neither server nor load ({known})"
            )));
        }
        let count = |name| match parameters.get(name).filter(|_| ours(name)) {
            None => Ok(None),
            Some(Value::Count(count @ 1..)) => Ok(Some(*count)),
            Some(_) => Err(ScriptError::Wrong(format!("`{name}` is a whole number above 0"))),
        };
        let word = |name, known: [&str; 2]| match parameters.get(name).filter(|_| ours(name)) {
            None => Ok(true),
            Some(Value::Text(text)) if known.contains(&text.as_str()) => Ok(text == known[0]),
            Some(_) => Err(ScriptError::Unknown(format!("`{name}` is `{}` or `{}`", known[0], known[1]))),
        };
        let keep_alive = word("connections", ["kept", "fresh"])?;
        let arrivals = if word("arrivals", ["even", "poisson"])? { Arrivals::Even } else { Arrivals::Poisson };
        let (pace, volume) = match (count("each")?, count("rate")?, count("seconds")?) {
            (Some(each), None, None) if !parameters.contains_key("arrivals") => (Pace::Closed, Volume::Each(each)),
            (None, Some(rate), Some(seconds)) => {
                let hertz = rate as f64;
                let pace =
                    Pace::Open { from: hertz, to: hertz, ramp: Duration::ZERO, arrivals, queue_timeout: TIMEOUT };
                (pace, Volume::All(rate.saturating_mul(seconds)))
            }
            _ => {
                let needed = "a load needs either `each` (requests of each client, one after the other) or `rate` and \
                              `seconds` (planned requests), with or without `arrivals`";
                return Err(ScriptError::Wrong(needed.to_owned()));
            }
        };
        Ok(Self { pace, volume, keep_alive })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, Value)]) -> Result<Script, ScriptError> {
        let values = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Script::read(&values, &["size".to_owned()])
    }

    fn word(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn scripts_are_closed_or_open_and_nothing_is_ignored() {
        let closed = read(&[("each", Value::Count(5)), ("size", Value::Count(1))]).unwrap();
        assert_eq!(closed, Script { pace: Pace::Closed, volume: Volume::Each(5), keep_alive: true });
        let open = [("rate", Value::Count(200)), ("seconds", Value::Count(3)), ("arrivals", word("poisson"))];
        let open = read(&[&open[..], &[("connections", word("fresh"))]].concat()).unwrap();
        assert_eq!((open.volume, open.keep_alive), (Volume::All(600), false));
        assert!(matches!(open.pace, Pace::Open { from: 200.0, to: 200.0, arrivals: Arrivals::Poisson, .. }));
    }

    #[test]
    fn what_is_unknown_is_unsupported_and_what_is_contradictory_is_wrong() {
        let each = ("each", Value::Count(5));
        for pairs in [
            &[each.clone(), ("colour", word("red"))][..],
            &[each.clone(), ("connections", word("red"))],
            &[each.clone(), ("connections", Value::Count(1))],
        ] {
            assert!(matches!(read(pairs), Err(ScriptError::Unknown(_))), "{pairs:?}");
        }
        for pairs in [
            &[][..],
            &[("each", Value::Count(0))],
            &[each.clone(), ("rate", Value::Count(5)), ("seconds", Value::Count(5))],
            &[each, ("arrivals", word("even"))],
            &[("rate", Value::Count(5))],
        ] {
            assert!(matches!(read(pairs), Err(ScriptError::Wrong(_))), "{pairs:?}");
        }
    }
}
