//! The codes of what is wrong with a pipeline as such, before any rule looks at it.

/// A rule's name and id.
pub type Code = (&'static str, &'static str);

/// The file is not YAML as GitLab reads it.
pub const SYNTAX_ERROR: Code = ("syntax-error", "CFG001");
/// The file is YAML, but GitLab would not take it as a configuration.
pub const NOT_A_PIPELINE: Code = ("not-a-pipeline", "CFG002");
/// `include:local` names a file that isn't there.
pub const INCLUDE_NOT_FOUND: Code = ("include-not-found", "CFG003");
/// Files include each other.
pub const INCLUDE_CYCLE: Code = ("include-cycle", "CFG004");
/// More files than GitLab includes.
pub const INCLUDE_LIMIT: Code = ("include-limit", "CFG005");
/// `extends` names a job that isn't there.
pub const UNKNOWN_EXTENDS: Code = ("unknown-extends", "CFG006");
/// `extends` goes in a circle or too deep.
pub const EXTENDS_CYCLE: Code = ("extends-cycle", "CFG007");
/// `!reference` names a key that isn't there.
pub const UNKNOWN_REFERENCE: Code = ("unknown-reference", "CFG008");
/// A value has a form that GitLab refuses.
pub const INVALID_VALUE: Code = ("invalid-value", "CFG009");

/// An input is declared, passed or used in a way that GitLab refuses.
pub const INVALID_INPUT: Code = ("invalid-input", "CFG010");
/// A job's stage is not among the stages.
pub const UNDEFINED_STAGE: Code = ("undefined-stage", "PIP1103");
/// `rules` beside `only`, `except` or `start_in`.
pub const RULES_WITH_ONLY: Code = ("rules-with-only-except", "PIP1102");
/// A key that is no keyword at its place.
pub const UNKNOWN_KEYWORD: Code = ("unknown-keyword", "PIP1106");
/// A condition that GitLab can't read.
pub const EXPRESSION: Code = ("expression-syntax", "PIP1116");
/// `needs` or `dependencies` that can't be met.
pub const NEEDS: Code = ("needs-undefined-job", "PIP1105");

/// All codes with one line each; `lint` has a rule with a page for some of them.
pub const CODES: &[(Code, &str)] = &[
    (SYNTAX_ERROR, "the file is not YAML as GitLab's loader (Ruby's Psych) reads it"),
    (NOT_A_PIPELINE, "the file is YAML, but not a mapping of keywords and jobs"),
    (INCLUDE_NOT_FOUND, "`include:local` names a file that is not in the repository"),
    (INCLUDE_CYCLE, "files include each other in a circle"),
    (INCLUDE_LIMIT, "a pipeline may include at most 150 files"),
    (UNKNOWN_EXTENDS, "`extends` names a job that no file of the pipeline defines"),
    (EXTENDS_CYCLE, "`extends` goes in a circle, or through more than eleven levels"),
    (UNKNOWN_REFERENCE, "`!reference` names a key that no file of the pipeline defines"),
    (INVALID_INPUT, "an input is declared, passed or used in a way that GitLab refuses"),
    (INVALID_VALUE, "a keyword has a value of a form that GitLab refuses"),
];
