//! One `[[runners]]` with typed views of the settings that matter here. The keys are those of gitlab-runner's `common/config.go`.

use super::table::{Header, Table};
use super::{Origin, Setting};
use crate::source::Span;

/// A `[[runners]]`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its settings; `span` is its header.
    pub table: Table,
    /// The tags that it registers with, where the chart's values tell; a `config.toml` never does.
    pub tags: Option<Vec<String>>,
    /// Whether it is what a chart or a registration is made of, so that environment variables of the manager may add to it.
    pub is_template: bool,
    /// What comes last in its text: a value or a header.
    pub end: Span,
    privileged_by_chart: bool,
    executor_by_chart: bool,
}

/// What a runner starts jobs with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Executor {
    /// `docker`, on Linux.
    Docker,
    /// Docker on machines that are made for jobs: `docker+machine`, `docker-autoscaler`.
    Machines,
    /// `kubernetes`.
    Kubernetes,
    /// `shell`.
    Shell,
    /// Another one.
    Other,
    /// The text doesn't say.
    Unknown,
}

/// `NAME=value` in `environment`.
#[derive(Clone, Debug)]
pub struct Variable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// The string that holds both.
    pub span: Span,
}

/// A volume of job pods.
#[derive(Clone, Debug)]
pub struct Volume<'a> {
    /// Which kind: `host_path`, `empty_dir` …
    pub kind: &'static str,
    /// Where jobs see it.
    pub mount_path: &'a str,
    /// Where a `host_path` lies on the node: `mount_path`, where nothing is said.
    pub host_path: &'a str,
    /// Its table.
    pub table: &'a Table,
}

/// The kinds of volumes (gitlab-runner, `KubernetesVolumes`).
const VOLUMES: &[&str] = &["host_path", "pvc", "config_map", "secret", "empty_dir", "csi", "nfs"];

impl Entry {
    /// What it starts jobs with.
    #[must_use]
    pub fn executor(&self) -> Executor {
        match self.table.text("executor") {
            Some("docker") => Executor::Docker,
            Some("docker+machine" | "docker-autoscaler") => Executor::Machines,
            Some("kubernetes") => Executor::Kubernetes,
            Some("shell") => Executor::Shell,
            Some(_) => Executor::Other,
            None if self.executor_by_chart => Executor::Kubernetes,
            None => Executor::Unknown,
        }
    }

    /// Its name in messages: that of `name`, else what it is.
    #[must_use]
    pub fn name(&self) -> String {
        self.table.text("name").filter(|name| !name.is_empty()).map_or_else(|| "the runner".to_owned(), |name| format!("runner `{name}`"))
    }

    /// `[runners.docker]`.
    #[must_use]
    pub fn docker(&self) -> Option<&Table> {
        self.table.table("docker")
    }

    /// `[runners.kubernetes]`.
    #[must_use]
    pub fn kubernetes(&self) -> Option<&Table> {
        self.table.table("kubernetes")
    }

    /// The section of its executor.
    #[must_use]
    pub fn section(&self) -> Option<&Table> {
        match self.executor() {
            Executor::Docker | Executor::Machines => self.docker(),
            Executor::Kubernetes => self.kubernetes(),
            Executor::Shell | Executor::Other | Executor::Unknown => None,
        }
    }

    /// Whether the containers of services are privileged: those of the job are as well, unless `services_privileged` (`docker`) or a security
    /// context (`kubernetes`) says otherwise.
    #[must_use]
    pub fn has_privileged_services(&self) -> bool {
        let Some(section) = self.section() else { return self.privileged_by_chart };
        let own = match self.executor() {
            Executor::Kubernetes => section.table("service_container_security_context").and_then(|context| context.get("privileged")),
            Executor::Docker | Executor::Machines => section.get("services_privileged"),
            Executor::Shell | Executor::Other | Executor::Unknown => None,
        };
        match own {
            Some(own) => matches!(own.value.data, super::Data::Bool(true)),
            None => self.privileged_by_chart || section.is_true("privileged"),
        }
    }

    /// `privileged` of its executor's section.
    #[must_use]
    pub fn privileged(&self) -> Option<&Setting> {
        self.section()?.get("privileged")
    }

    /// The variables of `environment`.
    #[must_use]
    pub fn environment(&self) -> Vec<Variable<'_>> {
        let pairs = self.table.texts("environment").into_iter();
        pairs.filter_map(|(text, span)| text.split_once('=').map(|(name, value)| Variable { name, value, span })).collect()
    }

    /// The volumes of its job pods.
    #[must_use]
    pub fn volumes(&self) -> Vec<Volume<'_>> {
        let Some(volumes) = self.kubernetes().and_then(|section| section.table("volumes")) else { return Vec::new() };
        let of = |kind: &'static str| {
            volumes.tables(kind).filter_map(move |table| {
                let mount_path = table.text("mount_path")?;
                Some(Volume { kind, mount_path, host_path: table.text("host_path").unwrap_or(mount_path), table })
            })
        };
        VOLUMES.iter().flat_map(|kind| of(kind)).collect()
    }

    /// Whether something that isn't read may change its pods: patches of their specification.
    #[must_use]
    pub fn is_patched(&self) -> bool {
        self.kubernetes().is_some_and(|section| section.get("pod_spec").is_some())
    }
}

/// Most `[[runners]]` of a text that are looked at.
pub(super) const MAX_ENTRIES: usize = 1000;

/// The `[[runners]]` of a text.
pub(super) fn entries(table: &Table, headers: &[Header], origin: &Origin) -> Vec<Entry> {
    let (tags, privileged, chart, template) = match origin {
        Origin::File => (None, false, false, false),
        Origin::Manifest => (None, false, false, true),
        Origin::Chart { tags, privileged } => (tags.clone(), *privileged, true, true),
    };
    let tables: Vec<&Table> = table.tables("runners").take(MAX_ENTRIES).collect();
    let of = |(index, table): (usize, &&Table)| Entry {
        table: (*table).clone(),
        tags: tags.clone(),
        is_template: template,
        end: end(table, headers, tables.get(index + 1).map(|next| next.span)),
        privileged_by_chart: privileged,
        executor_by_chart: chart,
    };
    tables.iter().enumerate().map(of).collect()
}

/// The last value or header of the table, before that of `next`.
fn end(table: &Table, headers: &[Header], next: Option<Span>) -> Span {
    let at = |start: u32| headers.partition_point(|header| header.span.start < start);
    let own = &headers[at(table.span.start)..next.map_or(headers.len(), |next| at(next.start))];
    let mut spans = vec![table.span];
    spans.extend(own.iter().filter(|header| header.keys.first().is_some_and(|(name, _)| name == "runners")).map(|header| header.span));
    spans_of(table, &mut spans);
    spans.into_iter().max_by_key(|span| span.end).unwrap_or(table.span)
}

fn spans_of(table: &Table, into: &mut Vec<Span>) {
    for setting in &table.settings {
        into.push(setting.value.span);
        let items = std::iter::once(&setting.value).chain(setting.value.as_array());
        items.filter_map(super::Value::as_table).for_each(|inner| spans_of(inner, into));
    }
}
