//! The configuration of runners in Kubernetes whose jobs reach an engine on their node, as files.

use std::collections::BTreeMap;

use minijinja::{Environment, context};

use crate::migrate::module::sdk::ENGINE;

/// The tag of the runner, which the thin jobs get.
pub const TAG: &str = "dagger-node";

const CONFIG: &str = include_str!("../../../templates/dagger/kubernetes/config.toml");

const FILES: &[(&str, &str)] = &[
    ("configmap.yml", include_str!("../../../templates/dagger/kubernetes/configmap.yml")),
    ("dagger-values.yml", include_str!("../../../templates/dagger/kubernetes/dagger-values.yml")),
    ("deployment.yml", include_str!("../../../templates/dagger/kubernetes/deployment.yml")),
    ("values.yml", include_str!("../../../templates/dagger/kubernetes/values.yml")),
];

/// The files by name: a ConfigMap and a Deployment, or values for GitLab's chart instead, and values for Dagger's.
#[must_use]
pub fn runner_files() -> BTreeMap<&'static str, String> {
    let environment = Environment::new();
    let context = context! { config => CONFIG.trim_end(), version => ENGINE.trim_start_matches('v') };
    let render = |text| environment.render_str(text, &context).expect("the template is given what it names").trim_end().to_owned() + "\n";
    FILES.iter().map(|&(name, text)| (name, render(text))).collect()
}
