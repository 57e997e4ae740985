//! The published JSON Schemas, generated from the types that are serialised. `docs/schemas/` holds them as files, and the
//! site serves them at `/api/v1/schemas/NAME.json`.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Value as Json, json};

use super::{
    BisectionReport, CalibrationReport, ComparisonReport, DetectionReport, FindingsReport, PlanReport, RunReport,
    RunsReport,
};

/// Names of the schemas: what stands between `benchline.` and the version.
pub const NAMES: [&str; 8] = ["run", "runs", "comparison", "bisection", "calibration", "findings", "detection", "plan"];

/// The JSON Schema (draft 2020-12) of a shape. `None` for a name that is not one of [`NAMES`].
pub fn schema(name: &str) -> Option<Json> {
    Some(match name {
        "run" => of::<RunReport>(),
        "runs" => of::<RunsReport>(),
        "comparison" => of::<ComparisonReport>(),
        "bisection" => of::<BisectionReport>(),
        "calibration" => of::<CalibrationReport>(),
        "findings" => of::<FindingsReport>(),
        "detection" => of::<DetectionReport>(),
        "plan" => of::<PlanReport>(),
        _ => return None,
    })
}

fn of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(Closed);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Closes every object that has named fields, and writes names of types in descriptions without their Rust paths.
#[derive(Debug, Clone)]
struct Closed;

impl Transform for Closed {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("properties").is_some() {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        if let Some(Json::String(text)) = schema.get_mut("description") {
            *text = text.replace("[`", "`").replace("`]", "`").replace("super::", "").replace("crate::model::", "");
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;
    use crate::report::samples;

    /// What `BENCHLINE_BLESS=1 cargo test published` writes.
    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
        for name in NAMES {
            let schema = schema(name).unwrap();
            let file = folder.join(format!("{name}.json"));
            if env::var_os("BENCHLINE_BLESS").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())).unwrap();
            }
            let published = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Json>(&text).ok());
            let stale = format!("{} is stale: BENCHLINE_BLESS=1 cargo test published writes it", file.display());
            assert_eq!(published, Some(schema), "{stale}");
        }
    }

    #[test]
    fn samples_are_valid_and_name_their_shape() {
        for (name, sample) in samples::all() {
            let schema = schema(name).unwrap();
            let errors: Vec<String> = validator(&schema).iter_errors(&sample).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}\n{sample:#}");
            assert_eq!(sample["schema"], format!("benchline.{name}/1"));
        }
        assert_eq!(schema("nothing"), None);
    }

    #[test]
    fn a_field_that_is_renamed_or_missing_is_noticed() {
        for (name, sample) in samples::all() {
            let schema = schema(name).unwrap();
            let validator = validator(&schema);
            let mut fields = Vec::new();
            collect(&sample, String::new(), &mut fields);
            assert!(fields.len() > 10, "{name}: {fields:?}");
            for (object, field) in fields {
                let mut missing = sample.clone();
                let value = object_at(&mut missing, &object).remove(&field).unwrap();
                assert!(!validator.is_valid(&missing), "{name}: {object}/{field} may be missing");
                // With the field and one more, only a closed schema notices.
                let mut more = sample.clone();
                object_at(&mut more, &object).insert(format!("{field}_renamed"), value);
                assert!(!validator.is_valid(&more), "{name}: {object} is open: {field}_renamed is allowed");
            }
        }
    }

    fn validator(schema: &Json) -> jsonschema::Validator {
        jsonschema::draft202012::new(schema).unwrap()
    }

    fn object_at<'j>(json: &'j mut Json, pointer: &str) -> &'j mut serde_json::Map<String, Json> {
        json.pointer_mut(pointer).unwrap().as_object_mut().unwrap()
    }

    /// Every field with the pointer to its object. Names of parameters are the scenario's, and not the shape's.
    fn collect(json: &Json, pointer: String, fields: &mut Vec<(String, String)>) {
        match json {
            Json::Object(object) => {
                for (field, value) in object {
                    fields.push((pointer.clone(), field.clone()));
                    if !matches!(field.as_str(), "parameters" | "configuration") {
                        collect(value, format!("{pointer}/{field}"), fields);
                    }
                }
            }
            Json::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    collect(item, format!("{pointer}/{place}"), fields);
                }
            }
            _ => {}
        }
    }
}
