//! A tree into the value that Ruby's Psych loads from it with GitLab's settings: typed scalars, aliases followed, merge keys applied.
//! Knows nothing of what GitLab does with the value.

use std::collections::HashMap;
use std::sync::Arc;

use super::NodeId;
use super::error::{Limits, YamlError, YamlErrorKind};
use super::json::json_text;
use super::merge::Builder;
use super::number::ruby_parse_float;
use super::scalar::{Refusal, tokenize};
use super::tags::{MappingTag, ScalarTag, SequenceTag, of_mapping, of_scalar, of_sequence};
use super::tree::{Node, NodeKind, Pair, Scalar, Tree};
use super::value::{Data, Entry, Key, Mapping, Step, Value};

/// The document as `YAML.safe_load(text, permitted_classes: [Symbol, Reference], aliases: true)` loads it, which is how GitLab does
/// (`lib/gitlab/ci/config/yaml/loader.rb`). An empty document is `null`.
///
/// # Errors
/// Where Psych refuses to load it, where an alias lies within what it names (GitLab refuses that as too deep), or a limit is reached.
pub fn compose(tree: &Tree, limits: &Limits) -> Result<Value, YamlError> {
    let mut composer = Composer { tree, limits, anchors: HashMap::new(), expanded: 0 };
    match tree.root() {
        Some(root) => Ok(composer.node(root)?.value),
        None => Ok(composer.value(NodeId(0), Data::Null)),
    }
}

struct Composer<'a> {
    tree: &'a Tree,
    limits: &'a Limits,
    anchors: HashMap<Arc<str>, Anchor>,
    expanded: usize,
}

enum Anchor {
    /// A collection whose children are being read.
    Open,
    Done(Part),
}

/// A composed value and its measures.
#[derive(Clone)]
pub(super) struct Part {
    pub value: Value,
    /// Nodes in it after aliases and merge keys are followed.
    nodes: usize,
    /// Collections within each other.
    depth: usize,
    /// Merge keys behind each other.
    layers: usize,
}

/// The measures of a collection's children so far.
#[derive(Default)]
struct Sum {
    nodes: usize,
    depth: usize,
    layers: usize,
}

impl Sum {
    fn add(&mut self, part: &Part) {
        self.nodes = self.nodes.saturating_add(part.nodes);
        self.depth = self.depth.max(part.depth);
    }
}

impl Composer<'_> {
    fn node(&mut self, id: NodeId) -> Result<Part, YamlError> {
        let tree = self.tree;
        let node = tree.node(id);
        match &node.kind {
            NodeKind::Alias { name, .. } => self.alias(name, node),
            NodeKind::Scalar(scalar) => {
                self.charge(1, node)?;
                let data = self.scalar(scalar, node)?;
                let part = Part { value: self.value(id, data), nodes: 1, depth: 0, layers: 0 };
                self.register(node, &part);
                Ok(part)
            }
            NodeKind::Sequence { items, .. } => {
                self.charge(1, node)?;
                self.sequence(id, items)
            }
            NodeKind::Mapping { pairs, .. } => {
                self.charge(1, node)?;
                self.open(node);
                let part = self.mapping(id, pairs)?;
                self.register(node, &part);
                Ok(part)
            }
        }
    }

    fn value(&self, id: NodeId, data: Data) -> Value {
        Value { data, span: self.tree.node(id).span, node: id, via: None }
    }

    fn open(&mut self, node: &Node) {
        if let Some(anchor) = &node.anchor {
            self.anchors.insert(anchor.text.clone(), Anchor::Open);
        }
    }

    fn register(&mut self, node: &Node, part: &Part) {
        if let Some(anchor) = &node.anchor {
            self.anchors.insert(anchor.text.clone(), Anchor::Done(part.clone()));
        }
    }

    /// Counts `nodes` more against the limit.
    fn charge(&mut self, nodes: usize, place: &Node) -> Result<(), YamlError> {
        self.expanded = self.expanded.saturating_add(nodes);
        if self.expanded <= self.limits.expanded_nodes {
            return Ok(());
        }
        let message = format!("more than {} values once aliases and merge keys are followed", self.limits.expanded_nodes);
        Err(YamlError::limit(place.span, message))
    }

    fn alias(&mut self, name: &Arc<str>, node: &Node) -> Result<Part, YamlError> {
        let error = |message| YamlError::new(YamlErrorKind::Alias, node.span, message);
        let part = match self.anchors.get(name) {
            Some(Anchor::Done(part)) => part.clone(),
            Some(Anchor::Open) => return Err(error(format!("`*{name}` lies within the value that it names"))),
            None => return Err(error(format!("`*{name}` has no anchor `&{name}` before it"))),
        };
        self.charge(part.nodes, node)?;
        let value = part.value.reached_by(Step::Alias(name.clone()), node.span);
        Ok(Part { value, ..part })
    }

    fn scalar(&self, scalar: &Scalar, node: &Node) -> Result<Data, YamlError> {
        let text = &scalar.text;
        let tag = node.tag.as_ref().map_or(ScalarTag::Untagged, |tag| of_scalar(&tag.text));
        let conversion = |message: String| YamlError::new(YamlErrorKind::Conversion, node.span, message);
        let data = match tag {
            ScalarTag::Reference => Data::Reference(Arc::default()),
            ScalarTag::Untagged if scalar.quoted => Data::String(text.clone()),
            ScalarTag::Untagged => self.tokenize(text, node)?,
            ScalarTag::String => Data::String(text.clone()),
            ScalarTag::Symbol => Data::Symbol(text.clone()),
            ScalarTag::Float => match self.tokenize(text, node)? {
                Data::Float(value) => Data::Float(value),
                Data::Integer(text) | Data::String(text) => {
                    Data::Float(ruby_parse_float(&text).ok_or_else(|| conversion(format!("`{text}` is not a float")))?)
                }
                _ => return Err(conversion(format!("`{text}` is not a float"))),
            },
            ScalarTag::Base64 => {
                let decoded = super::base64::decode(text.as_bytes());
                Data::String(String::from_utf8(decoded).map_err(|_| conversion("binary data that is not text".into()))?.into())
            }
            ScalarTag::Refused(class) => return Err(YamlError::disallowed(node.full, &class)),
        };
        // A plain string's text is shared with the tree.
        Ok(match data {
            Data::String(string) if string == *text => Data::String(text.clone()),
            other => other,
        })
    }

    fn tokenize(&self, text: &str, node: &Node) -> Result<Data, YamlError> {
        tokenize(text, self.limits.digits).map_err(|refusal| match refusal {
            Refusal::Class(class) => YamlError::disallowed(node.span, class),
            Refusal::Conversion(message) => YamlError::new(YamlErrorKind::Conversion, node.span, message),
            Refusal::TooLong => YamlError::limit(node.span, format!("a number of more than {} digits", self.limits.digits)),
        })
    }

    fn sequence(&mut self, id: NodeId, items: &[NodeId]) -> Result<Part, YamlError> {
        let node = self.tree.node(id);
        match node.tag.as_ref().map_or(SequenceTag::Untagged, |tag| of_sequence(&tag.text)) {
            SequenceTag::Refused(class) => Err(YamlError::disallowed(node.full, &class)),
            SequenceTag::Ordered => {
                self.open(node);
                let part = self.ordered(id, items)?;
                self.register(node, &part);
                Ok(part)
            }
            // Psych forgets the anchor of what a registered tag builds from a sequence.
            SequenceTag::Reference => {
                let (items, sum) = self.items(items)?;
                self.part(id, Data::Reference(Arc::new(items)), &sum)
            }
            SequenceTag::Untagged => {
                self.open(node);
                let (items, sum) = self.items(items)?;
                let part = self.part(id, Data::Sequence(Arc::new(items)), &sum)?;
                self.register(node, &part);
                Ok(part)
            }
        }
    }

    fn items(&mut self, items: &[NodeId]) -> Result<(Vec<Value>, Sum), YamlError> {
        let mut sum = Sum::default();
        let mut values = Vec::with_capacity(items.len());
        for &item in items {
            let part = self.node(item)?;
            sum.add(&part);
            values.push(part.value);
        }
        Ok((values, sum))
    }

    /// `!!omap`: of each item the first child is the key and the last the value.
    fn ordered(&mut self, id: NodeId, items: &[NodeId]) -> Result<Part, YamlError> {
        let tree = self.tree;
        let mut sum = Sum::default();
        let mut builder = Builder::default();
        for &item in items {
            let children: Vec<NodeId> = tree.children(item).collect();
            let (Some(&key), Some(&value)) = (children.first(), children.last()) else {
                let message = "an item of an ordered mapping must be a pair";
                return Err(YamlError::new(YamlErrorKind::Conversion, tree.node(item).span, message));
            };
            let (key, value) = (self.node(key)?, self.node(value)?);
            sum.add(&key);
            sum.add(&value);
            builder.insert(name(&key.value), entry(key.value, value.value));
        }
        self.part(id, Data::Mapping(Arc::new(builder.finish())), &sum)
    }

    fn mapping(&mut self, id: NodeId, pairs: &[Pair]) -> Result<Part, YamlError> {
        let node = self.tree.node(id);
        match node.tag.as_ref().map_or(MappingTag::Untagged, |tag| of_mapping(&tag.text)) {
            MappingTag::Refused(class) => Err(YamlError::disallowed(node.full, &class)),
            MappingTag::Untagged => {
                let (mapping, sum) = self.entries(pairs)?;
                self.part(id, Data::Mapping(Arc::new(mapping)), &sum)
            }
            MappingTag::Reference => {
                let (_, sum) = self.entries(pairs)?;
                self.part(id, Data::Reference(Arc::default()), &sum)
            }
            MappingTag::String => {
                let (mapping, sum) = self.entries(pairs)?;
                let data = match (mapping.get("str"), mapping.entries.len()) {
                    (Some(value), 1) => value.data.clone(),
                    (None, 0) => Data::Null,
                    _ => return Err(YamlError::new(YamlErrorKind::Conversion, node.full, "a string with instance variables")),
                };
                self.part(id, data, &sum)
            }
        }
    }

    fn entries(&mut self, pairs: &[Pair]) -> Result<(Mapping, Sum), YamlError> {
        let mut sum = Sum::default();
        let mut builder = Builder::with_capacity(pairs.len());
        for pair in pairs {
            let (key, value) = (self.node(pair.key)?, self.node(pair.value)?);
            sum.add(&key);
            sum.add(&value);
            let string_tag = self.tree.node(pair.key).tag.as_ref().is_some_and(|tag| &*tag.text == "tag:yaml.org,2002:str");
            let merges = !string_tag && matches!(&key.value.data, Data::String(text) if &**text == "<<");
            if !(merges && self.merge(&mut builder, &key.value, &value, pair.value, &mut sum)?) {
                builder.insert(name(&key.value), entry(key.value, value.value));
            }
        }
        Ok((builder.finish(), sum))
    }

    /// Merges the value of a key `<<`; whether it could. Otherwise Psych keeps it as an ordinary entry.
    fn merge(&mut self, into: &mut Builder, key: &Value, source: &Part, id: NodeId, sum: &mut Sum) -> Result<bool, YamlError> {
        let node = self.tree.node(id);
        let merged = match (&node.kind, &source.value.data) {
            (NodeKind::Alias { .. } | NodeKind::Mapping { .. }, Data::Mapping(mapping)) => {
                into.merge(mapping, key.span, &source.value);
                true
            }
            (NodeKind::Sequence { .. }, Data::Sequence(items)) => into.merge_list(items, key.span),
            (NodeKind::Sequence { .. }, Data::Mapping(ordered)) => ordered.entries.is_empty(),
            (NodeKind::Sequence { .. }, Data::Reference(_)) => {
                let message = "`!reference` in a merge key, which GitLab fails to load";
                return Err(YamlError::new(YamlErrorKind::Conversion, node.full, message));
            }
            _ => false,
        };
        if merged {
            // The entries are copied, beyond what following the alias has counted already.
            self.charge(source.nodes, node)?;
            sum.layers = sum.layers.max(source.layers + 1);
            if sum.layers > self.limits.depth() {
                return Err(YamlError::limit(node.span, format!("merge keys more than {} deep", self.limits.depth())));
            }
        }
        Ok(merged)
    }

    fn part(&self, id: NodeId, data: Data, sum: &Sum) -> Result<Part, YamlError> {
        let depth = sum.depth + 1;
        if depth > self.limits.depth() {
            let message = format!("more than {} collections within each other once aliases are followed", self.limits.depth());
            return Err(YamlError::limit(self.tree.node(id).span, message));
        }
        Ok(Part { value: self.value(id, data), nodes: sum.nodes.saturating_add(1), depth, layers: sum.layers })
    }
}

fn entry(key: Value, value: Value) -> Entry {
    Entry { key, value, via: None, shadowed: Vec::new() }
}

/// The key as it compares.
fn name(key: &Value) -> Key {
    match &key.data {
        Data::String(text) | Data::Symbol(text) => Key::String(text.clone()),
        _ => Key::Other(json_text(key).into()),
    }
}
