//! The text of a `.undind.yml` into JSON that fits the schema, or the first mistake with its place. Knows the schema, not what its keys mean.

use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// The JSON Schema (draft 2020-12) of the file.
pub const SCHEMA: &str = include_str!("../../schemas/config.schema.json");

pub(super) static CHECKED: Schema = Schema::new(SCHEMA);

/// A JSON Schema for one of the tool's own YAML files; compiled when it is first used.
#[derive(Debug)]
pub struct Schema {
    text: &'static str,
    compiled: OnceLock<(Value, Validator)>,
}

/// A mistake in `.undind.yml`, or in another of the tool's own YAML files.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// 0-based byte offset.
    pub offset: usize,
}

impl ConfigError {
    /// A mistake that has no place of its own; it is shown at the start of `text`.
    pub(crate) fn whole(text: &str, message: &str) -> Self {
        Self::at(text, 0, message.to_owned(), None)
    }

    fn at(text: &str, offset: usize, message: String, help: Option<String>) -> Self {
        let position = crate::source::SourceFile::new("", text).position(offset);
        Self { message, help, line: position.line, column: position.column, offset: position.offset }
    }

    fn unreadable(text: &str, error: &serde_yaml::Error) -> Self {
        let offset = error.location().map_or(0, |location| location.index());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Self::at(text, offset, message, None)
    }
}

impl Schema {
    /// The schema that `text` is.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    fn compiled(&self) -> &(Value, Validator) {
        self.compiled.get_or_init(|| {
            let value = serde_json::from_str(self.text).expect("our schema is JSON");
            let validator = jsonschema::validator_for(&value).expect("our schema is a schema");
            (value, validator)
        })
    }

    /// The file as JSON; `null` where it is empty.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake.
    pub(crate) fn checked(&self, text: &str) -> Result<Value, ConfigError> {
        let value = parsed(text)?;
        if value.is_null() {
            return Ok(value);
        }
        self.fits(text, &value)?;
        Ok(value)
    }

    /// Whether `value`, which comes from `text`, fits.
    ///
    /// # Errors
    /// [`ConfigError`] with the place in `text` of the first mistake.
    pub(crate) fn fits(&self, text: &str, value: &Value) -> Result<(), ConfigError> {
        let (schema, validator) = self.compiled();
        let first = validator.iter_errors(value).map(|error| mistake(schema, text, &error)).min_by_key(|error| error.offset);
        first.map_or(Ok(()), Err)
    }
}

/// YAML as JSON.
///
/// # Errors
/// [`ConfigError`] with the place where it can't be read.
pub(crate) fn parsed(text: &str) -> Result<Value, ConfigError> {
    let yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| ConfigError::unreadable(text, &error))?;
    serde_json::to_value(&yaml).map_err(|error| ConfigError::whole(text, &error.to_string()))
}

fn mistake(schema: &Value, text: &str, error: &ValidationError<'_>) -> ConfigError {
    let path: Vec<String> = error.instance_path().iter().map(|segment| segment.to_string()).collect();
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let key = unexpected.first().map_or("", String::as_str);
        let offset = place::of_key(text, &path, key);
        return ConfigError::at(text, offset, format!("unknown key `{key}`"), Some(known_keys(schema, error, key)));
    }
    let name = if path.is_empty() { "the file".to_owned() } else { format!("`{}`", path.join(".")) };
    ConfigError::at(text, place::of_value(text, &path), format!("{name}: {}", expectation(error)), None)
}

fn expectation(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            let words: Vec<String> =
                options.as_array().into_iter().flatten().map(|word| format!("`{}`", word.as_str().unwrap_or(""))).collect();
            format!("must be one of {}", words.join(", "))
        }
        ValidationErrorKind::Required { property } => format!("`{}` is missing", property.as_str().unwrap_or("")),
        _ => error.to_string(),
    }
}

/// The nearest known key if there is one that a typing error explains, otherwise all of them.
fn known_keys(schema: &Value, error: &ValidationError<'_>, key: &str) -> String {
    let pointer = error.schema_path().as_str();
    let section = pointer.strip_suffix("/additionalProperties").unwrap_or(pointer);
    let known = schema.pointer(&format!("{section}/properties")).and_then(Value::as_object);
    let names: Vec<&str> = known.into_iter().flat_map(|keys| keys.keys().map(String::as_str)).collect();
    match crate::suggestion::nearest(key, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Finds the byte offset of a value by making serde_yaml fail there, since it keeps no places otherwise.
mod place {
    use std::fmt;

    use serde::Deserializer;
    use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

    pub(super) fn of_value(text: &str, path: &[String]) -> usize {
        find(text, Seek { path, key: None })
    }

    pub(super) fn of_key(text: &str, path: &[String], key: &str) -> usize {
        find(text, Seek { path, key: Some(key) })
    }

    fn find(text: &str, seek: Seek<'_>) -> usize {
        let stopped = seek.deserialize(serde_yaml::Deserializer::from_str(text));
        stopped.err().and_then(|error| error.location()).map_or(0, |location| location.index())
    }

    #[derive(Clone, Copy)]
    struct Seek<'a> {
        path: &'a [String],
        key: Option<&'a str>,
    }

    impl<'a> Seek<'a> {
        fn arrived(&self) -> bool {
            self.path.is_empty() && self.key.is_none()
        }

        fn next(&self) -> Option<&'a str> {
            self.path.first().map(String::as_str)
        }

        fn deeper(&self) -> Self {
            Self { path: &self.path[1..], key: self.key }
        }
    }

    impl<'de> DeserializeSeed<'de> for Seek<'_> {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl<'de> Visitor<'de> for Seek<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("another value")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            if self.arrived() {
                return Err(A::Error::custom("here"));
            }
            let stop_at = if self.path.is_empty() { self.key } else { None };
            while let Some(key) = map.next_key_seed(StopAt(stop_at))? {
                if self.next() == Some(key.as_str()) {
                    map.next_value_seed(self.deeper())?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            if self.arrived() {
                return Err(A::Error::custom("here"));
            }
            let wanted = self.next().and_then(|index| index.parse::<usize>().ok());
            for at in 0.. {
                let more = if wanted == Some(at) {
                    items.next_element_seed(self.deeper())?
                } else {
                    items.next_element::<IgnoredAny>()?.map(|_| ())
                };
                if more.is_none() {
                    break;
                }
            }
            Ok(())
        }
    }

    /// Reads a key; fails at the wanted one.
    struct StopAt<'a>(Option<&'a str>);

    impl<'de> DeserializeSeed<'de> for StopAt<'_> {
        type Value = String;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
            deserializer.deserialize_str(self)
        }
    }

    impl Visitor<'_> for StopAt<'_> {
        type Value = String;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a key")
        }

        fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
            if self.0 == Some(key) { Err(E::custom("here")) } else { Ok(key.to_owned()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_mistake_is_shown_where_it_is_written_with_what_to_write_instead() {
        for (text, line, column, message, help) in [
            ("lint:\n  selct: [TLS]\n", 2, 3, "unknown key `selct`", "did you mean `select`?"),
            ("dpeot: {}\n", 1, 1, "unknown key `dpeot`", "did you mean `depot`?"),
            ("lint:\n  min_severity: fatal\n", 2, 17, "`lint.min_severity`: must be one of `info`, `warning`, `error`", ""),
            ("depot:\n  projects:\n    - path: api\n", 3, 7, "`depot.projects.0`: `project` is missing", ""),
            ("entries: ci.yml\n", 1, 10, "`entries`: \"ci.yml\" is not of type \"array\"", ""),
            ("lint: [\n", 2, 1, "did not find expected node content", ""),
            ("lint: {}\nlint: {}\n", 1, 1, "duplicate entry with key \"lint\"", ""),
            ("- a\n", 1, 1, "the file: [\"a\"] is not of type \"object\"", ""),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message), "{text}");
            assert_eq!(error.help.unwrap_or_default(), help, "{text}");
        }
    }

    #[test]
    fn an_unknown_key_without_a_near_one_lists_the_known_ones() {
        let help = Config::parse("depot: {cli: {zzzzzz: 1}}").unwrap_err().help.unwrap();
        assert_eq!(help, "known keys: `version`, `mirror`, `sha256`, `job_image`");
    }
}
