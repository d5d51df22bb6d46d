//! K8S307: keys of a runner's configuration written as Kubernetes writes them. Knows which keys the runner has, not what the cluster's nodes are called.

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::runner::{Config, Data, Table};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S307",
    name: "runner-affinity-key-case",
    severity: Severity::Error,
    page: include_str!("runner_affinity_key_case.md"),
    check,
};

/// Keys of Kubernetes' manifests that the runner has under another name (gitlab-runner, `common/config.go`).
const KEYS: &[(&str, &str)] = &[
    ("nodeAffinity", "node_affinity"),
    ("podAffinity", "pod_affinity"),
    ("podAntiAffinity", "pod_anti_affinity"),
    ("requiredDuringSchedulingIgnoredDuringExecution", "required_during_scheduling_ignored_during_execution"),
    ("preferredDuringSchedulingIgnoredDuringExecution", "preferred_during_scheduling_ignored_during_execution"),
    ("nodeSelectorTerms", "node_selector_terms"),
    ("podAffinityTerm", "pod_affinity_term"),
    ("matchExpressions", "match_expressions"),
    ("matchFields", "match_fields"),
    ("matchLabels", "match_labels"),
    ("labelSelector", "label_selector"),
    ("namespaceSelector", "namespace_selector"),
    ("topologyKey", "topology_key"),
    ("nodeSelector", "node_selector"),
    ("nodeTolerations", "node_tolerations"),
    ("imagePullSecrets", "image_pull_secrets"),
    ("serviceAccount", "service_account"),
    ("hostPath", "host_path"),
    ("emptyDir", "empty_dir"),
    ("configMap", "config_map"),
    ("mountPath", "mount_path"),
    ("subPath", "sub_path"),
    ("readOnly", "read_only"),
];

/// Tables whose keys are the user's own.
const FREE: &[&str] = &[
    "node_selector",
    "nodeSelector",
    "node_tolerations",
    "pod_labels",
    "pod_annotations",
    "match_labels",
    "matchLabels",
    "items",
    "volume_attributes",
];

/// Where a key is written, by its name; in the order of the file.
type Places = BTreeMap<String, Vec<Span>>;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for config in &context.analysis.runners.configs {
        let places = places(config);
        let mut wrong: Vec<_> = KEYS.iter().filter_map(|(key, right)| Some((*key, *right, places.get(*key)?))).collect();
        wrong.sort_by_key(|(.., places)| places[0]);
        for (key, right, places) in wrong {
            let edits = places.iter().map(|place| Edit::replace(*place, right)).collect();
            let plain = places.iter().all(|place| context.slice(*place) == key);
            let finding = RULE
                .at(places[0], format!("`{key}` is no key of the runner, which ignores it in silence"))
                .help(format!("write `{right}`: the keys of `[runners.kubernetes]` are those of a manifest with `_` between their words"));
            let fix = Fix { title: format!("write `{right}`"), safety: Safety::Unsafe, edits };
            findings.add(if plain { finding.fix(fix) } else { finding });
        }
    }
}

/// The keys below `runners.kubernetes`, of headers and of tables.
fn places(config: &Config) -> Places {
    let mut places = Places::new();
    for header in &config.headers {
        let names: Vec<&str> = header.keys.iter().map(|(name, _)| &**name).collect();
        if let ["runners", "kubernetes", rest @ ..] = &names[..] {
            let own = rest.iter().take_while(|name| !FREE.contains(name)).count() + 3;
            header.keys.iter().skip(2).take(own - 2).for_each(|(name, span)| places.entry(name.clone()).or_default().push(*span));
        }
    }
    for entry in &config.entries {
        if let Some(section) = entry.kubernetes() {
            collect(section, &mut places);
        }
    }
    for spans in places.values_mut() {
        spans.sort();
        spans.dedup();
    }
    places
}

fn collect(table: &Table, places: &mut Places) {
    for setting in &table.settings {
        places.entry(setting.name.clone()).or_default().push(setting.key);
        if FREE.contains(&&*setting.name) {
            continue;
        }
        let tables = std::iter::once(&setting.value).chain(setting.value.as_array());
        for inner in tables.filter_map(|value| if let Data::Table(inner) = &value.data { Some(inner) } else { None }) {
            collect(inner, places);
        }
    }
}
