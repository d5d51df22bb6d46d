//! A build's request and what its session held → facts, each a key and a value, without what only names this one run.

use std::collections::{BTreeMap, BTreeSet};

use crate::messages::{Part, SolveRequest};
use crate::session::Attached;

/// Facts of a request by name, such as `attr target` and `exporter 1 push`.
pub type Facts = BTreeMap<String, String>;

/// A request as BuildKit gets it.
#[derive(Clone, Default)]
pub struct Request {
    pub frontend: String,
    attrs: BTreeMap<String, String>,
    exporters: Vec<Part>,
    cache_exports: Vec<Part>,
    cache_imports: Vec<Part>,
    entitlements: Vec<String>,
    attached: Facts,
}

impl From<SolveRequest> for Request {
    fn from(request: SolveRequest) -> Self {
        let cache = request.cache.unwrap_or_default();
        let mut exporters = request.exporters;
        if exporters.is_empty() && !request.old_exporter.is_empty() {
            exporters.push(Part { kind: request.old_exporter, attrs: request.old_exporter_attrs });
        }
        Self {
            frontend: request.frontend,
            attrs: request.frontend_attrs,
            exporters,
            cache_exports: cache.exports,
            cache_imports: cache.imports,
            entitlements: request.entitlements,
            attached: Facts::new(),
        }
    }
}

impl Request {
    /// Whether it builds something; clients ask for an empty build to see whether BuildKit is there.
    pub fn is_of_a_build(&self) -> bool {
        !self.attrs.is_empty() || !self.exporters.is_empty()
    }

    /// The folders that the client is to send.
    pub fn folders(&self) -> BTreeSet<String> {
        let named = self.attrs.values().filter_map(|value| value.strip_prefix("local:"));
        named.chain(["context", "dockerfile"]).map(str::to_owned).collect()
    }

    /// Adds what was in the session.
    pub fn attach(&mut self, attached: Attached) {
        self.attached.extend(attached.secrets.into_iter().map(|(id, text)| (format!("secret {id}"), text)));
        self.attached.extend(attached.agents.into_iter().map(|id| (format!("ssh {id}"), "agent".to_owned())));
        self.attached.extend(attached.folders.into_iter().map(|(name, paths)| (format!("folder {name}"), paths.join(" "))));
    }

    /// What it says.
    pub fn facts(&self) -> Facts {
        let mut facts = self.attached.clone();
        facts.insert("frontend".to_owned(), self.frontend.clone());
        facts.extend(self.attrs.iter().filter(|(key, _)| is_lasting(key)).map(|(key, value)| (format!("attr {key}"), value.clone())));
        for (name, parts) in [("exporter", &self.exporters), ("cache export", &self.cache_exports), ("cache import", &self.cache_imports)] {
            for (part, number) in parts.iter().zip(1..) {
                facts.insert(format!("{name} {number}"), part.kind.clone());
                let attrs = part.attrs.iter().filter(|(key, _)| *key != "depot.export.image.version");
                facts.extend(attrs.map(|(key, value)| (format!("{name} {number} {key}"), value.clone())));
            }
        }
        facts.extend(self.entitlements.iter().map(|name| (format!("entitlement {name}"), "asked for".to_owned())));
        facts
    }
}

/// Whether an attribute says something of the build: not where its files come from in this run, nor which client asks.
fn is_lasting(key: &str) -> bool {
    key != "build-arg:DEPOT_TARGET" && !key.starts_with("vcs:") && !key.starts_with("local-sessionid")
}
