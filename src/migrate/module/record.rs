//! What a module is written from, kept beside it: the forms of its functions, so that a later run can add to them, and checksums that tell what somebody changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::checksum::sha256;
use crate::migrate::module::{FOLDER, Form};

/// The file's name in the module's folder.
const NAME: &str = ".undind.record";

/// What is known of a module that undind wrote.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// SHA-256 in hexadecimal of each file, by path in the module's folder.
    files: BTreeMap<String, String>,
    /// The forms of all functions.
    functions: Vec<Form>,
}

impl Record {
    /// The path of the file from the root of the repository.
    #[must_use]
    pub fn path() -> String {
        format!("{FOLDER}/{NAME}")
    }

    /// The record of a module that is written from `forms` into `files`, by path from the root of the repository.
    pub(super) fn new<'a>(forms: impl IntoIterator<Item = &'a Form>, files: &BTreeMap<String, String>) -> Self {
        let mut seen = BTreeSet::new();
        Self {
            version: 1,
            files: files.iter().map(|(path, text)| (within(path).to_owned(), sha256(text))).collect(),
            functions: forms.into_iter().filter(|form| seen.insert(form.function.as_str())).cloned().collect(),
        }
    }

    /// Reads a record; one that this version can't use is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(text).ok()?;
        let sound = |form: &Form| is_name(&form.function, '-') && form.parameters.keys().all(|name| is_name(name, '_'));
        (record.version == 1 && record.functions.iter().all(sound)).then_some(record)
    }

    /// The file's text, with a line for each function.
    pub(super) fn text(&self) -> String {
        let functions: Vec<String> = self.functions.iter().map(line).collect();
        let (version, files) = (self.version, line(&self.files));
        format!("{{\"version\": {version},\n\"files\": {files},\n\"functions\": [\n{}\n]}}\n", functions.join(",\n"))
    }

    /// Whether the file at `path`, from the root of the repository, is still what was written there. The record itself always is.
    #[must_use]
    pub fn wrote(&self, path: &str, text: &str) -> bool {
        within(path) == NAME || self.files.get(within(path)).is_some_and(|known| *known == sha256(text))
    }

    /// The forms of the functions with these names.
    #[must_use]
    pub fn functions(self, names: &BTreeSet<String>) -> Vec<Form> {
        self.functions.into_iter().filter(|form| names.contains(&form.function)).collect()
    }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and lists become JSON")
}

fn within(path: &str) -> &str {
    path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}

/// Whether a name can stand in code as it is.
fn is_name(name: &str, joint: char) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == joint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::module::form::Text;

    #[test]
    fn a_form_comes_back_as_it_was() {
        let image = Text::new("a-$B$$c${D}$");
        let form = Form { function: "a".to_owned(), image, script: "x \"$Y\"\n".to_owned(), repeatable: true, ..Form::default() };
        let text = Record::new([&form], &BTreeMap::new()).text();
        assert!(text.contains("\n{\"job\":\"\",\"function\":\"a\",\"image\":"), "{text}");
        let read = Record::read(&text).unwrap();
        assert_eq!(read.functions(&BTreeSet::from(["a".to_owned()])), [form]);
    }

    #[test]
    fn a_changed_file_is_told_from_a_written_one() {
        let files = BTreeMap::from([("ci/dagger/a.py".to_owned(), "a\n".to_owned())]);
        let form = Form { job: "a".to_owned(), function: "a".to_owned(), ..Form::default() };
        let text = Record::new([&form, &form], &files).text();
        assert!(text.contains("\"a.py\":\"87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7\""), "{text}");
        let record = Record::read(&text).unwrap();
        assert!(record.wrote("ci/dagger/a.py", "a\n") && record.wrote(&Record::path(), "whatever"));
        assert!(!record.wrote("ci/dagger/a.py", "b\n") && !record.wrote("ci/dagger/b.py", "a\n"));
        assert_eq!(record.functions(&BTreeSet::from(["a".to_owned()])), [form]);
    }

    #[test]
    fn a_record_with_what_no_function_is_called_is_none() {
        for function in ["a\"", "a b", "", "1", "a\nb"] {
            let form = Form { function: function.to_owned(), ..Form::default() };
            assert_eq!(Record::read(&Record::new([&form], &BTreeMap::new()).text()), None, "{function:?}");
        }
        assert_eq!(Record::read("{\"version\": 2, \"files\": {}, \"functions\": []}"), None);
        assert_eq!(Record::read("nothing"), None);
    }
}
