//! The header of a document into the inputs that it declares, those of the files that `spec:include` names among them.

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::document::Documents;
use crate::pipeline::expression::Lookup;
use crate::pipeline::include::entries;
use crate::pipeline::location::{Location, locate};
use crate::pipeline::problem::{INCLUDE_NOT_FOUND, INVALID_INPUT};
use crate::workspace::Workspace;
use crate::yaml::{Mapping, Value};

/// The inputs of a header.
#[derive(Default, Debug)]
pub struct Specs {
    /// By name: what is said of each.
    pub inputs: Mapping,
    /// Whether all files that add to them are known.
    pub complete: bool,
}

/// The inputs that `header` declares (<https://docs.gitlab.com/ci/yaml/#specinclude>). `in_repository` says that its local includes are files of the
/// workspace.
pub(super) fn header_inputs(
    header: &Value,
    workspace: &Workspace,
    documents: &mut Documents,
    in_repository: bool,
    problems: &mut Vec<Diagnostic>,
) -> Specs {
    let spec = header.get("spec");
    let mut specs = Specs { inputs: Mapping::default(), complete: true };
    for entry in spec.and_then(|spec| spec.get("include")).map(entries).unwrap_or_default() {
        match locate(entry, &|_| Lookup::Unknown) {
            Ok(located) => {
                let Location::Local(path) = &located.location else {
                    specs.complete = false;
                    continue;
                };
                match if in_repository { documents.load(workspace, path) } else { Err(crate::workspace::LoadError::NotFound) } {
                    Ok(file) => {
                        let document = documents.get(file).cloned();
                        let inputs = document.as_ref().and_then(|document| document.root.get("inputs")?.as_mapping().cloned());
                        add(&mut specs.inputs, &inputs.unwrap_or_default(), problems);
                    }
                    Err(error) => {
                        specs.complete = false;
                        if in_repository {
                            let message = format!("`{path}` cannot be included: {error}");
                            problems.push(Diagnostic::new(INCLUDE_NOT_FOUND, Severity::Error, located.span, message));
                        }
                    }
                }
            }
            Err(_) => specs.complete = false,
        }
    }
    if let Some(own) = spec.and_then(|spec| spec.get("inputs")).and_then(Value::as_mapping) {
        add(&mut specs.inputs, own, problems);
    }
    specs
}

/// An input may be declared once.
fn add(inputs: &mut Mapping, more: &Mapping, problems: &mut Vec<Diagnostic>) {
    for (key, entry) in &more.entries {
        if let Some(known) = inputs.entries.get(key) {
            let message = format!("the input `{}` is declared twice", entry.key.scalar_text().unwrap_or_default());
            problems.push(Diagnostic::new(INVALID_INPUT, Severity::Error, entry.key.span, message).label(known.key.span, "declared here"));
        }
        inputs.entries.insert(key.clone(), entry.clone());
    }
}
