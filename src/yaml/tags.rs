//! A node's tag into what Psych makes of it, with GitLab's `!reference` registered and only `Symbol` permitted
//! (psych 5.0.2, `visitors/to_ruby.rb`).

/// What a scalar's tag makes of its text.
pub(super) enum ScalarTag {
    /// As without tag.
    Untagged,
    String,
    Symbol,
    Float,
    Base64,
    /// GitLab's `!reference`, which holds nothing unless it is a sequence.
    Reference,
    Refused(String),
}

/// What a sequence's tag makes of its items.
pub(super) enum SequenceTag {
    Untagged,
    Reference,
    /// `!!omap`: a mapping of the items' first children.
    Ordered,
    Refused(String),
}

/// What a mapping's tag makes of its pairs.
pub(super) enum MappingTag {
    Untagged,
    Reference,
    /// `!!str`: the value of the key `str`.
    String,
    Refused(String),
}

const STRING: &str = "tag:yaml.org,2002:str";

pub(super) fn of_scalar(tag: &str) -> ScalarTag {
    match tag {
        "!reference" => ScalarTag::Reference,
        "!binary" | "tag:yaml.org,2002:binary" => ScalarTag::Base64,
        "tag:yaml.org,2002:float" | "!float" => ScalarTag::Float,
        "!ruby/object:BigDecimal" => ScalarTag::Refused("BigDecimal".into()),
        "!ruby/object:DateTime" => ScalarTag::Refused("DateTime".into()),
        "!ruby/object:Complex" => ScalarTag::Refused("Complex".into()),
        "!ruby/object:Rational" => ScalarTag::Refused("Rational".into()),
        "!ruby/encoding" => ScalarTag::Refused("Encoding".into()),
        "!ruby/class" => ScalarTag::Refused("Class".into()),
        "!ruby/module" => ScalarTag::Refused("Module".into()),
        "!ruby/regexp" => ScalarTag::Refused("Regexp".into()),
        "!ruby/range" => ScalarTag::Refused("Range".into()),
        _ if tag.starts_with("!ruby/sym") => ScalarTag::Symbol,
        _ => match string_class(tag) {
            Some("") => ScalarTag::String,
            Some(class) => ScalarTag::Refused(class.into()),
            None => ScalarTag::Untagged,
        },
    }
}

pub(super) fn of_sequence(tag: &str) -> SequenceTag {
    match tag {
        "!reference" => SequenceTag::Reference,
        "!omap" | "tag:yaml.org,2002:omap" => SequenceTag::Ordered,
        _ => match tag.strip_prefix("!seq:").or_else(|| tag.strip_prefix("!ruby/array:")) {
            Some(class) => SequenceTag::Refused(class.into()),
            None => SequenceTag::Untagged,
        },
    }
}

pub(super) fn of_mapping(tag: &str) -> MappingTag {
    if tag == "!reference" {
        return MappingTag::Reference;
    }
    match string_class(tag) {
        Some("") => return MappingTag::String,
        Some(class) => return MappingTag::Refused(class.into()),
        None => {}
    }
    if let Some(name) = tag.strip_prefix("!ruby/object") {
        let name = name.strip_prefix(':').unwrap_or(name);
        return match name {
            "Hash" => MappingTag::Untagged,
            "" => MappingTag::Refused("Object".into()),
            _ => MappingTag::Refused(name.into()),
        };
    }
    let refused = |class: &str| MappingTag::Refused(class.into());
    match tag {
        "!ruby/range" => refused("Range"),
        "!set" | "tag:yaml.org,2002:set" => refused("Psych::Set"),
        "!omap" | "tag:yaml.org,2002:omap" => refused("Psych::Omap"),
        "!ruby/hash-with-ivars" => refused("Hash"),
        _ => {
            let prefixes = [
                ("!ruby/struct", "Struct"),
                ("!ruby/exception", "Exception"),
                ("!ruby/array:", "Array"),
                ("!ruby/hash-with-ivars:", "Hash"),
                ("!map:", "Hash"),
                ("!ruby/hash:", "Hash"),
                ("!ruby/marshalable:", "Object"),
            ];
            let found = prefixes.iter().find(|(prefix, _)| tag.starts_with(prefix));
            found.map_or(MappingTag::Untagged, |(_, class)| refused(class))
        }
    }
}

/// The class behind `!str:` and its like: empty for a plain string, none for other tags.
fn string_class(tag: &str) -> Option<&str> {
    if tag == STRING {
        return Some("");
    }
    let rest = tag.strip_prefix("!str").or_else(|| tag.strip_prefix("!ruby/string"))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(':') }
}
