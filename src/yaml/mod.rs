//! YAML 1.1 text into a spanned tree and into values as Ruby's Psych reads them. Knows nothing of GitLab.

pub(crate) mod base64;
pub mod block;
mod block_text;
mod compose;
mod error;
mod events;
mod flow_text;
mod json;
mod line;
mod merge;
mod number;
mod parse;
mod scalar;
pub mod structure;
mod tags;
#[cfg(test)]
mod tests;
mod text_map;
mod tree;
mod value;

pub use compose::compose;
pub use error::{Limits, YamlError, YamlErrorKind};
#[doc(hidden)]
pub use events::scan;
pub use json::{Json, json_text};
pub use parse::parse;
pub use text_map::{Segment, SegmentKind, TextMap};
pub use tree::{CollectionStyle, Comment, Node, NodeKind, Pair, Property, Scalar, ScalarStyle, Tree};
pub use value::{Data, Entry, Key, Mapping, Step, Value, Via, ruby_float};

/// Names a node within the tree of one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub(crate) u32);
