//! All rules, by family. A test compares this list with the folder.

use crate::lint::Rule;

/// Every rule, by id.
pub static RULES: &[&Rule] = &[];
