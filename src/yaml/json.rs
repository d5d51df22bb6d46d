//! Values as JSON. What JSON can't hold is wrapped: `{"$float": "3.1"}`, `{"$symbol": "x"}`, `{"$reference": […]}`, and
//! `{"$pairs": [[key, value], …]}` for a mapping with a key that isn't a string.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::value::{Data, Mapping, Value, ruby_float};

/// Serializes a value as its data alone. An integer is a JSON number up to 128 bits, beyond them `{"$integer": "…"}`.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a>(pub &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.data {
            Data::Null => serializer.serialize_unit(),
            Data::Bool(value) => serializer.serialize_bool(*value),
            Data::Integer(digits) => integer(digits, serializer),
            Data::Float(value) => wrapped("$float", &ruby_float(*value), serializer),
            Data::String(text) => serializer.serialize_str(text),
            Data::Symbol(name) => wrapped("$symbol", &**name, serializer),
            Data::Sequence(items) => serializer.collect_seq(items.iter().map(Json)),
            Data::Reference(path) => wrapped("$reference", &Items(path), serializer),
            Data::Mapping(mapping) => map(mapping, serializer),
        }
    }
}

/// A value as JSON text.
#[must_use]
pub fn json_text(value: &Value) -> String {
    serde_json::to_string(&Json(value)).expect("text keys and finite numbers serialize")
}

struct Items<'a>(&'a [Value]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

struct Pairs<'a>(&'a Mapping);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.entries.values().map(|entry| (Json(&entry.key), Json(&entry.value))))
    }
}

fn map<S: Serializer>(mapping: &Mapping, serializer: S) -> Result<S::Ok, S::Error> {
    let name = |key: &Value| match &key.data {
        Data::String(name) => Some(name.clone()),
        _ => None,
    };
    if mapping.entries.values().any(|entry| name(&entry.key).is_none()) {
        return wrapped("$pairs", &Pairs(mapping), serializer);
    }
    serializer.collect_map(mapping.entries.values().filter_map(|entry| Some((name(&entry.key)?.to_string(), Json(&entry.value)))))
}

fn wrapped<S: Serializer, T: Serialize + ?Sized>(name: &str, value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

fn integer<S: Serializer>(digits: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(small) = digits.parse::<i64>() {
        return serializer.serialize_i64(small);
    }
    match digits.parse::<i128>() {
        Ok(large) => serializer.serialize_i128(large),
        Err(_) => wrapped("$integer", digits, serializer),
    }
}
