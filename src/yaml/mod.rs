//! YAML 1.1 text into a spanned tree and into values as Ruby's Psych reads them. Knows nothing of GitLab.

mod value;

pub use value::{Data, Entry, Key, Mapping, Step, Value, Via, ruby_float};

/// Names a node within the tree of one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub(crate) u32);
