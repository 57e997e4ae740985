//! Finds values in JSON documents by path, in one pass and without building the document. Content that is not JSON has no
//! values. Nothing here fails, or holds more than the requested values.

use std::fmt;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::IndexValue;
use super::value::TEXT_LIMIT;

/// Most bytes of a path.
const PATH_LIMIT: usize = 255;

/// Most steps of a path.
const DEPTH_LIMIT: usize = 16;

/// The position of a value in a JSON document: a JSON Pointer (RFC 6901) of at most 255 bytes and 16 steps, such as
/// `/headers/subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath(Vec<String>);

/// A text that is not a valid path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a path is a JSON Pointer such as `/headers/subject`, with `~1` for a slash and `~0` for a tilde inside a step, and has at most {PATH_LIMIT} bytes and {DEPTH_LIMIT} steps"
)]
pub struct InvalidJsonPath;

impl FromStr for JsonPath {
    type Err = InvalidJsonPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps = text.strip_prefix('/').filter(|_| text.len() <= PATH_LIMIT).ok_or(InvalidJsonPath)?;
        let steps: Vec<_> = steps.split('/').map(unescape).collect::<Option<_>>().ok_or(InvalidJsonPath)?;
        if steps.len() > DEPTH_LIMIT { Err(InvalidJsonPath) } else { Ok(Self(steps)) }
    }
}

/// An unescaped step; `None` where a tilde escapes nothing.
fn unescape(step: &str) -> Option<String> {
    let mut text = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// Paths to look for together.
#[derive(Default)]
pub(super) struct Paths {
    root: Node,
    count: usize,
}

/// A node on the way of some path.
#[derive(Default)]
struct Node {
    /// The paths that end here.
    wanted: Vec<usize>,
    children: Vec<Child>,
}

struct Child {
    step: String,
    /// The step as an array index, if it can be one.
    place: Option<usize>,
    node: Node,
}

impl Paths {
    /// Adds a path. Its values come in the order of adding.
    pub(super) fn add(&mut self, path: &JsonPath) {
        let mut node = &mut self.root;
        for step in &path.0 {
            let known = node.children.iter().position(|child| child.step == *step);
            let child = known.unwrap_or_else(|| {
                node.children.push(Child { step: step.clone(), place: place(step), node: Node::default() });
                node.children.len() - 1
            });
            node = &mut node.children[child].node;
        }
        node.wanted.push(self.count);
        self.count += 1;
    }

    /// The value at each path, `None` where there is none or where it is no text, number or boolean.
    pub(super) fn values(&self, content: &[u8]) -> Vec<Option<IndexValue>> {
        let mut found = vec![None; self.count];
        let mut json = serde_json::Deserializer::from_slice(content);
        let read = Search { node: &self.root, found: &mut found }.deserialize(&mut json).and_then(|()| json.end());
        if read.is_err() {
            found.fill(None);
        }
        found
    }
}

/// A step as an array index: RFC 6901 allows no sign and no leading zeros.
fn place(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with(['0', '+']);
    step.parse().ok().filter(|_| canonical)
}

impl Node {
    /// Clears the values found at and below this node: of a duplicate member, the last one counts.
    fn forget(&self, found: &mut [Option<IndexValue>]) {
        for wanted in &self.wanted {
            found[*wanted] = None;
        }
        for child in &self.children {
            child.node.forget(found);
        }
    }
}

/// Walks one value of the document along a node.
struct Search<'a> {
    node: &'a Node,
    found: &'a mut [Option<IndexValue>],
}

impl Search<'_> {
    fn keep(self, value: &IndexValue) {
        for wanted in &self.node.wanted {
            self.found[*wanted] = Some(value.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        self.node.forget(self.found);
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(&IndexValue::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(&IndexValue::Integer(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(&i64::try_from(value).map_or(IndexValue::Real(value as f64), IndexValue::Integer));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.keep(&IndexValue::Real(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if value.len() <= TEXT_LIMIT {
            self.keep(&IndexValue::Text(value.to_owned()));
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(&self.node.children))? {
            match child {
                Some(node) => map.next_value_seed(Search { node, found: &mut *self.found })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for place in 0.. {
            let child = self.node.children.iter().find(|child| child.place == Some(place));
            let more = match child {
                Some(Child { node, .. }) => elements.next_element_seed(Search { node, found: &mut *self.found })?,
                None => elements.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Compares the name of a member with the steps that lead on.
struct Key<'a>(&'a [Child]);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Option<&'a Node>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de, 'a> Visitor<'de> for Key<'a> {
    type Value = Option<&'a Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|child| child.step == name).map(|child| &child.node))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn values(content: &[u8], paths: &[&str]) -> Vec<Option<IndexValue>> {
        let mut all = Paths::default();
        for path in paths {
            all.add(&path.parse().unwrap());
        }
        all.values(content)
    }

    fn text(text: &str) -> Option<IndexValue> {
        Some(IndexValue::Text(text.to_owned()))
    }

    /// The document and the pointers of RFC 6901, section 5, as far as they lead to scalars.
    #[test]
    fn the_examples_of_rfc_6901() {
        let document = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let paths = ["/foo/0", "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n", "/foo", "/foo/2"];
        let mut expected = vec![text("bar")];
        expected.extend((0..9).map(|number| Some(IndexValue::Integer(number))));
        expected.extend([None, None]);
        assert_eq!(values(document, &paths), expected);
    }

    #[test]
    fn invalid_paths_are_rejected() {
        let long = format!("/{}", "a".repeat(255));
        for wrong in ["", "a", "a/b", "/~", "/~2", "/a~", &long, &"/a".repeat(17)] {
            assert_eq!(wrong.parse::<JsonPath>(), Err(InvalidJsonPath), "{wrong}");
        }
        "/a'; DROP TABLE versions; --\"".parse::<JsonPath>().unwrap();
    }

    #[test]
    fn invalid_json_has_no_values() {
        for content in [&b""[..], b"{", br#"{"a":1}x"#, br#"{"a":1"#, b"\xff\xfe", br#"{"a":"\xff"}"#] {
            assert_eq!(values(content, &["/a"]), [None], "{content:?}");
        }
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(TEXT_LIMIT + 1));
        assert_eq!(values(long.as_bytes(), &["/a"]), [None]);
        assert_eq!(
            values(br#"{"a":1,"a":{"b":2},"c":3,"c":null}"#, &["/a", "/a/b", "/c"]),
            [None, Some(IndexValue::Integer(2)), None]
        );
        assert_eq!(values(br#"{"a":18446744073709551615}"#, &["/a"]), [Some(IndexValue::Real(u64::MAX as f64))]);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            "[a-c~/]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab0-2~/]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
            ]
        })
    }

    fn scalar(value: &Value) -> Option<IndexValue> {
        match value {
            Value::Bool(value) => Some(IndexValue::Bool(*value)),
            Value::Number(number) => {
                number.as_i64().map(IndexValue::Integer).or_else(|| number.as_f64().map(IndexValue::Real))
            }
            Value::String(text) => Some(IndexValue::Text(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    proptest! {
        /// Against serde_json's own pointers, on a document that was built.
        #[test]
        fn values_are_those_that_the_pointers_lead_to(
            document in json(),
            paths in proptest::collection::vec("(/([ab0-2]|~0|~1){0,2}){1,4}", 1..5),
        ) {
            let content = serde_json::to_vec(&document).unwrap();
            let paths: Vec<_> = paths.iter().map(String::as_str).collect();
            let expected: Vec<_> = paths.iter().map(|path| document.pointer(path).and_then(scalar)).collect();
            prop_assert_eq!(values(&content, &paths), expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            values(&bytes, &["/a", "/0"]);
            values(&[b"{\"a\":", &bytes[..]].concat(), &["/a", "/a/0"]);
        }
    }
}
