//! Templates filled, and tried before they are needed. Knows minijinja, not what the templates are for.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

/// Texts by the names of settings.
pub(super) type Settings = BTreeMap<String, String>;

/// A template that can't be filled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct TemplateError {
    /// Which field of the manifest holds it.
    pub field: String,
    /// What is wrong: a lower-case fragment.
    pub message: String,
}

/// A template in a manifest.
pub(super) struct Field<'a> {
    pub(super) name: String,
    pub(super) text: &'a str,
    /// The values that it is given besides the settings.
    pub(super) values: &'static [&'static str],
}

/// How much a template may do: far more than any line takes.
const FUEL: u64 = 50_000;

/// The text of `template` with `settings` and `values` put in.
pub(super) fn render(template: &str, settings: &Settings, values: &[(&str, &str)]) -> Result<String, minijinja::Error> {
    let mut given = settings.clone();
    given.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    environment().render_str(template, given)
}

fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
}

/// Tries a template with values of which all, or none, are empty.
pub(super) fn check(field: &Field<'_>, settings: &Settings) -> Result<(), TemplateError> {
    let error = |message: String| TemplateError { field: field.name.clone(), message };
    let environment = environment();
    let template = environment.template_from_str(field.text).map_err(|problem| error(told(&problem)))?;
    let known = |name: &String| settings.contains_key(name) || field.values.contains(&name.as_str());
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().filter(|name| !known(name)).collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        let all = field.values.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let given = if all.is_empty() { "the settings alone".to_owned() } else { format!("{all} and the settings") };
        return Err(error(format!("there is no value `{name}` here; the template is given {given}")));
    }
    for sample in ["", "x"] {
        let values: Vec<(&str, &str)> = field.values.iter().map(|name| (*name, sample)).collect();
        render(field.text, settings, &values).map_err(|problem| error(told(&problem)))?;
    }
    Ok(())
}

/// What minijinja finds wrong, without the name of a file that there is none of.
fn told(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}
