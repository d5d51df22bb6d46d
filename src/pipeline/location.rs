//! An include's entry into where it points, with its variables expanded. Knows no files.

use crate::pipeline::expansion::expanded;
use crate::pipeline::expression::Lookup;
use crate::pipeline::include::{Kind, Unresolved, entries};
use crate::source::Span;
use crate::yaml::Value;

/// Where an include's entry points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// A path or pattern within the repository of the file that includes it.
    Local(String),
    /// Files of another project of the same server.
    Project {
        /// Its full path.
        project: String,
        /// A branch, tag or commit; none is the newest commit of the default branch.
        reference: Option<String>,
        /// The paths of the files.
        files: Vec<String>,
    },
    /// A file at an address.
    Remote {
        /// The address.
        address: String,
        /// The checksum that it has to have: `sha256-` and Base64.
        integrity: Option<String>,
    },
    /// A template of GitLab's own, by its path.
    Template(String),
    /// A component of the same project at the same commit, by its name.
    OwnComponent(String),
    /// A component.
    Component {
        /// The project that holds it.
        project: String,
        /// Its name.
        name: String,
        /// The version asked for.
        version: String,
    },
    /// A file that a job of the pipeline makes.
    Artifact(String),
}

/// A location as it is written.
#[derive(Clone, Debug)]
pub struct Located {
    /// Where it points.
    pub location: Location,
    /// The kind of include.
    pub kind: Kind,
    /// The text for messages, its variables not expanded.
    pub name: String,
    /// The text that says so.
    pub span: Span,
}

/// Why an entry points nowhere.
#[derive(Clone, Debug)]
pub enum Nowhere {
    /// GitLab refuses its form; why.
    Invalid(Span, String),
    /// A variable in it is not known.
    Unresolved(Unresolved),
}

const KINDS: &[(&str, Kind)] = &[
    ("local", Kind::Variable),
    ("project", Kind::Project),
    ("remote", Kind::Remote),
    ("template", Kind::Template),
    ("component", Kind::Component),
    ("artifact", Kind::Artifact),
];

/// Where `entry` points, with what `lookup` knows of the variables in it.
///
/// # Errors
/// [`Nowhere`].
pub fn locate<'a>(entry: &Value, lookup: &dyn Fn(&str) -> Lookup<'a>) -> Result<Located, Nowhere> {
    if let Some(text) = entry.as_str() {
        let is_address = text.starts_with("http://") || text.starts_with("https://");
        let kind = if is_address { Kind::Remote } else { Kind::Variable };
        let text = filled(text, kind, entry.span, lookup)?;
        let location = if is_address { Location::Remote { address: text, integrity: None } } else { local(&text) };
        let kind = if is_address { kind } else { Kind::Missing };
        return Ok(Located {
            location,
            kind,
            name: entry.as_str().unwrap_or_default().trim_start_matches('/').to_owned(),
            span: entry.span,
        });
    }
    let given: Vec<_> = KINDS.iter().filter_map(|(keyword, kind)| Some((*keyword, *kind, entry.get(keyword)?))).collect();
    let (keyword, kind, value) = match given[..] {
        [] => {
            let message = "`include` needs a path or one of `local`, `project`, `remote`, `template`, `component`";
            return Err(Nowhere::Invalid(entry.span, message.to_owned()));
        }
        [one] => one,
        [(first, ..), (second, _, other), ..] => {
            return Err(Nowhere::Invalid(other.span, format!("an include is either `{first}` or `{second}`, not both")));
        }
    };
    let Some(text) = value.as_str() else { return Err(Nowhere::Invalid(value.span, format!("`include:{keyword}` needs a text"))) };
    let mut name = text.to_owned();
    let text = filled(text, kind, entry.span, lookup);
    let option = |keyword: &str| entry.get(keyword).and_then(Value::scalar_text);
    let location = match kind {
        Kind::Project => {
            let Some(file) = entry.get("file") else {
                return Err(Nowhere::Invalid(entry.span, "`include:project` needs a `file`".to_owned()));
            };
            let files = entries(file).into_iter().filter_map(Value::scalar_text);
            let shown = format!("{}: {}", value.as_str().unwrap_or_default(), files.clone().collect::<Vec<_>>().join(", "));
            let named = |error| match error {
                Nowhere::Unresolved(unresolved) => Nowhere::Unresolved(Unresolved { name: shown.clone(), ..unresolved }),
                invalid @ Nowhere::Invalid(..) => invalid,
            };
            let reference = option("ref").map(|text| filled(&text, kind, entry.span, lookup)).transpose().map_err(named)?;
            let files = files.map(|file| filled(&file, kind, entry.span, lookup).map(|file| file.trim_start_matches('/').to_owned()));
            name.clone_from(&shown);
            Location::Project { project: text.map_err(named)?, reference, files: files.collect::<Result<_, _>>().map_err(named)? }
        }
        Kind::Remote => Location::Remote { address: text?, integrity: option("integrity") },
        Kind::Template => Location::Template(text?),
        Kind::Component => component(value.as_str().unwrap_or_default(), lookup, entry.span)?,
        Kind::Artifact => Location::Artifact(text?),
        Kind::Variable | Kind::Missing | Kind::Undecided => local(&text?),
    };
    let is_local = matches!(location, Location::Local(_));
    let name = if is_local { name.trim_start_matches('/').to_owned() } else { name };
    Ok(Located { location, kind: if is_local { Kind::Missing } else { kind }, name, span: value.span })
}

fn local(text: &str) -> Location {
    Location::Local(text.trim_start_matches('/').to_owned())
}

fn filled<'a>(text: &str, kind: Kind, span: Span, lookup: &dyn Fn(&str) -> Lookup<'a>) -> Result<String, Nowhere> {
    let unresolved = || Nowhere::Unresolved(Unresolved { kind, name: text.to_owned(), span });
    if text.contains("$[[") {
        return Err(unresolved());
    }
    let expanded = expanded(text, lookup);
    if expanded.unknown.is_empty() { Ok(expanded.text) } else { Err(unresolved()) }
}

/// `host/group/project/name@version`; the host is the server's own, and written as a variable it need not be known.
fn component<'a>(text: &str, lookup: &dyn Fn(&str) -> Lookup<'a>, span: Span) -> Result<Location, Nowhere> {
    let hosts = ["$CI_SERVER_FQDN/", "$CI_SERVER_HOST/", "${CI_SERVER_FQDN}/", "${CI_SERVER_HOST}/"];
    let own = hosts.into_iter().find_map(|host| text.strip_prefix(host));
    let own_project = own.and_then(|rest| rest.strip_prefix("$CI_PROJECT_PATH/")?.strip_suffix("@$CI_COMMIT_SHA"));
    if let Some(name) = own_project.filter(|name| !name.contains(['/', '$'])) {
        return Ok(Location::OwnComponent(name.to_owned()));
    }
    let rest = match own {
        Some(rest) => filled(rest, Kind::Component, span, lookup),
        None => {
            filled(text, Kind::Component, span, lookup).map(|text| text.split_once('/').map_or(text.clone(), |(_, rest)| rest.to_owned()))
        }
    };
    let named = |error| match error {
        Nowhere::Unresolved(unresolved) => Nowhere::Unresolved(Unresolved { name: text.to_owned(), ..unresolved }),
        invalid @ Nowhere::Invalid(..) => invalid,
    };
    let rest = rest.map_err(named)?;
    let parts = rest.rsplit_once('@').and_then(|(path, version)| Some((path.rsplit_once('/')?, version)));
    match parts {
        Some(((project, name), version)) if !version.is_empty() && project.contains('/') => {
            Ok(Location::Component { project: project.to_owned(), name: name.to_owned(), version: version.to_owned() })
        }
        _ => Err(Nowhere::Invalid(span, format!("`{text}` is no component: that is `HOST/PROJECT/NAME@VERSION`"))),
    }
}
