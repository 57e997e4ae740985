//! What the shapes of results have in common: the tag `schema`, and rows made from the model's records.

use schemars::{Schema, transform::Transform};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

/// Adds the field `schema` that serde writes as the tag of a shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tagged(pub(super) &'static str);

impl Transform for Tagged {
    fn transform(&mut self, schema: &mut Schema) {
        let tag = json!({ "type": "string", "const": self.0, "description": "Name and version of this shape." });
        if let Some(Json::Object(properties)) = schema.get_mut("properties") {
            properties.insert("schema".to_owned(), tag);
        }
        if let Some(Json::Array(required)) = schema.get_mut("required") {
            required.insert(0, json!("schema"));
        }
    }
}

/// Serialises records in the shape that is published for them.
pub(super) fn serialize_as<'r, Record, Shape, S>(records: &'r [Record], serializer: S) -> Result<S::Ok, S::Error>
where
    Shape: From<&'r Record> + Serialize,
    S: Serializer,
{
    serializer.collect_seq(records.iter().map(Shape::from))
}
