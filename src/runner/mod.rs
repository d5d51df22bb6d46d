//! GitLab Runner's configuration into tables, runners and mounts, each value with its place in the file: a `config.toml`, Kubernetes manifests that
//! carry one, or values of the `gitlab-runner` Helm chart. Knows no job and no rule.

mod entry;
mod manifest;
mod table;

use std::collections::BTreeSet;

pub use entry::{Entry, Executor, Variable, Volume};
pub use table::{Data, Header, Setting, Table, Value};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, SourceFile, Span};
use table::Places;

/// The text is not TOML, or not YAML.
pub const SYNTAX_ERROR: (&str, &str) = ("syntax-error", "CFG001");
/// A file that was given as a runner's configuration holds none.
pub const NO_RUNNER_CONFIG: (&str, &str) = ("no-runner-config", "CFG011");

/// What all files tell of the runners.
#[derive(Clone, Default, Debug)]
pub struct Runners {
    /// The texts in the form of `config.toml`, in the order of the files.
    pub configs: Vec<Config>,
    /// What is mounted from the node into the pods of runner managers.
    pub mounts: Vec<Mount>,
    /// What can't be read.
    pub problems: Vec<Diagnostic>,
    /// The files.
    pub files: BTreeSet<FileId>,
    /// Those that lie outside of the repository, where nothing is changed.
    pub outside: BTreeSet<FileId>,
}

/// One text in the form of `config.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its settings.
    pub table: Table,
    /// The headers of its tables, each as often as it is written.
    pub headers: Vec<Header>,
    /// Its `[[runners]]`.
    pub entries: Vec<Entry>,
    /// Whether text may be put into it: false where it stands in a quoted or folded YAML scalar.
    pub is_editable: bool,
}

/// A folder or socket of the node that a runner manager mounts.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Where the manager sees it.
    pub path: String,
    /// Where that is written.
    pub span: Span,
    /// Where it lies on the node.
    pub host_path: String,
}

impl Runners {
    /// All `[[runners]]`, in the order of the files, with the texts that hold them.
    pub fn entries(&self) -> impl Iterator<Item = (&Config, &Entry)> {
        self.configs.iter().flat_map(|config| config.entries.iter().map(move |entry| (config, entry)))
    }

    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Adds what the file tells; `outside` where it is not of the repository.
    pub fn read(&mut self, file: FileId, source: &SourceFile, outside: bool) {
        self.files.insert(file);
        if outside {
            self.outside.insert(file);
        }
        let (configs, mounts) = (self.configs.len(), self.mounts.len());
        let problems = self.problems.len();
        if is_yaml(source.path()) {
            manifest::read(self, file, source);
        } else {
            let start = if source.text().starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            self.add_config(&source.text()[start..], &Places::plain(file, start), &Origin::File);
        }
        let found = self.configs.len() > configs || self.mounts.len() > mounts || self.problems.len() > problems;
        if !found {
            let nothing =
                Diagnostic::new(NO_RUNNER_CONFIG, Severity::Error, Span::new(file, 0, 0), "no runner's configuration is in this file");
            self.problems.push(nothing.help(
                "give a `config.toml`, a manifest with a ConfigMap or Secret that holds one, or values of the `gitlab-runner` chart with `runners.config`",
            ));
        }
    }

    /// Reads one TOML text; what is no TOML is a problem.
    fn add_config(&mut self, text: &str, places: &Places, origin: &Origin) {
        match table::parse(text, places) {
            Ok((table, headers)) => {
                let entries = entry::entries(&table, &headers, origin);
                if let Some(more) = table.tables("runners").nth(entry::MAX_ENTRIES) {
                    let message = format!("more than {} runners; the rest isn't looked at", entry::MAX_ENTRIES);
                    self.problems.push(Diagnostic::new(SYNTAX_ERROR, Severity::Error, more.span, message));
                }
                self.configs.push(Config { table, headers, entries, is_editable: places.is_editable() });
            }
            Err((span, message)) => {
                self.problems.push(Diagnostic::new(SYNTAX_ERROR, Severity::Error, span, format!("this is not TOML: {message}")));
            }
        }
    }
}

/// What the surroundings of a TOML text say of its runners.
#[derive(Clone, Default, Debug)]
enum Origin {
    /// Nothing: it is a file.
    #[default]
    File,
    /// Nothing: it is an object of a cluster.
    Manifest,
    /// Values of the Helm chart, which registers a runner for the Kubernetes executor.
    Chart {
        /// `runners.tags`.
        tags: Option<Vec<String>>,
        /// `runners.privileged`.
        privileged: bool,
    },
}

fn is_yaml(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["yml", "yaml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn read(path: &str, text: &str) -> (Sources, Runners) {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new(path, text));
        let mut runners = Runners::default();
        runners.read(file, sources.get(file), false);
        (sources, runners)
    }

    #[test]
    fn a_value_knows_its_bytes_in_toml_and_within_yaml() {
        let toml = "[[runners]]\n  executor = \"docker\"\n  [runners.docker]\n    privileged = true # needed\n";
        let indented: String = toml.lines().map(|line| format!("    {line}\n")).collect();
        let map = format!("kind: ConfigMap\ndata:\n  config.toml: |\n{indented}");
        for (path, text) in [
            ("config.toml", toml.to_owned()),
            ("config.toml", format!("\u{feff}{toml}").replace('\n', "\r\n")),
            ("map.yml", map.clone()),
            ("map.yml", map.replace('\n', "\r\n")),
            (
                "list.yml",
                format!(
                    "kind: Secret\n---\nkind: List\nitems:\n- kind: Secret\n  stringData:\n    config.toml: |\n{}",
                    indented.replace("    ", "      ")
                ),
            ),
        ] {
            let (sources, runners) = read(path, &text);
            assert!(runners.problems.is_empty(), "{text}: {:?}", runners.problems);
            let (_, entry) = runners.entries().next().unwrap();
            let privileged = entry.docker().unwrap().get("privileged").unwrap();
            assert_eq!((sources.slice(privileged.key), sources.slice(privileged.value.span)), ("privileged", "true"), "{text}");
            assert_eq!(entry.executor(), Executor::Docker);
        }
    }

    #[test]
    fn what_is_no_toml_is_a_problem_at_its_place() {
        let (sources, runners) = read("config.toml", "concurrent = 1\n[[runners]\n");
        assert_eq!(sources.start(runners.problems[0].span).line, 2);
        let (sources, runners) = read("values.yaml", "runners:\n  config: |\n    [[runners]]\n      name = x\n");
        assert_eq!(sources.start(runners.problems[0].span).line, 4);
    }

    #[test]
    fn a_file_without_a_runner_s_configuration_is_a_problem() {
        for (path, text) in [("a.yml", "kind: Service\n"), ("a.yml", ""), ("a.yml", "- a\n")] {
            assert_eq!(read(path, text).1.problems[0].rule, "no-runner-config", "{text:?}");
        }
        assert_eq!(read("a.yml", "a: [\n").1.problems[0].rule, "syntax-error");
    }

    #[test]
    fn documents_and_runners_have_a_limit() {
        let (_, runners) = read("a.yml", &"---\nkind: Service\n".repeat(501));
        assert!(runners.problems[0].message.contains("more than 500 documents"), "{:?}", runners.problems);
        let (sources, runners) = read("a.toml", &"[[runners]]\n".repeat(1001));
        assert!(runners.problems[0].message.contains("more than 1000 runners"), "{:?}", runners.problems);
        assert_eq!((sources.start(runners.problems[0].span).line, runners.entries().count()), (1001, 1000));
    }

    #[test]
    fn a_chart_s_template_is_read_around_its_braces() {
        let text = "runners:\n  tags: \"a, b\"\n  config: |\n    [[runners]]\n      {{- if .Values.x }}\n      [runners.kubernetes]\n        namespace = \"{{ .Release.Namespace }}\"\n      {{- end }}\n";
        let (_, runners) = read("values.yaml", text);
        let (_, entry) = runners.entries().next().unwrap();
        assert_eq!(entry.executor(), Executor::Kubernetes);
        assert_eq!(entry.tags.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    }

    #[test]
    fn mounts_of_the_manager_s_pod_are_read_and_those_of_others_are_not() {
        let pod = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - image: gitlab/gitlab-runner:v18\n        volumeMounts: [{name: s, mountPath: /run/x}, {name: c, mountPath: /etc}]\n      - image: busybox\n        volumeMounts: [{name: s, mountPath: /other}]\n      volumes: [{name: s, hostPath: {path: /var/x}}, {name: c, configMap: {name: m}}]\n";
        let (sources, runners) = read("pod.yml", pod);
        let mounts: Vec<_> = runners.mounts.iter().map(|mount| (&*mount.path, &*mount.host_path, sources.slice(mount.span))).collect();
        assert_eq!(mounts, [("/run/x", "/var/x", "/run/x")]);
    }
}
