//! The JSON Schemas (draft 2020-12) of the outputs and of the configuration. Knows their names only.

/// A schema's name and text.
pub struct Schema {
    /// What `undind schema` takes.
    pub name: &'static str,
    /// What it describes, as a fragment.
    pub about: &'static str,
    /// The schema.
    pub text: &'static str,
}

/// All schemas, by name.
pub const SCHEMAS: &[Schema] = &[
    Schema {
        name: "baseline",
        about: "a file that `lint --write-baseline` writes",
        text: include_str!("../../schemas/baseline.schema.json"),
    },
    Schema { name: "config", about: "`.undind.yml`", text: crate::config::SCHEMA },
    Schema { name: "gitlab-ci", about: "a `.gitlab-ci.yml`, for editors", text: crate::pipeline::structure::SCHEMA },
    Schema { name: "inspect", about: "the output of `inspect --format json`", text: include_str!("../../schemas/inspect.schema.json") },
    Schema { name: "lint", about: "the output of `lint --format json`", text: include_str!("../../schemas/lint.schema.json") },
    Schema { name: "migrate", about: "the output of `migrate --report json`", text: include_str!("../../schemas/migrate.schema.json") },
    Schema { name: "plan", about: "the output of `plan --format json`", text: include_str!("../../schemas/plan.schema.json") },
    Schema { name: "run", about: "each line of `run --log-format json`", text: include_str!("../../schemas/run.schema.json") },
    Schema { name: "target", about: "`target.yml` of a target folder", text: crate::migrate::target::SCHEMA },
];

/// The schema of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|schema| schema.name == name)
}
