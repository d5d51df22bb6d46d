//! Comma-separated `key=value` fields of a flag's value, as in `--cache-to type=registry,ref=app:cache`, as Go's encoding/csv reads them.

/// The fields of one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// The fields in order.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// What is before the `=`, in lower case; empty for a field without `=`.
    pub key: String,
    /// What is after the `=`, or the whole field.
    pub value: String,
    /// The byte offset of the value in the text that was parsed, `None` inside of quotes.
    pub at: Option<usize>,
}

impl Attributes {
    /// Splits a value; `None` where quotes are not closed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fields = split(text)?.into_iter().map(|(at, quoted, field)| Field::new(&field, (!quoted).then_some(at)));
        Some(Self { fields: fields.collect() })
    }

    /// Reads `--output`: a bare path is `type=local,dest=PATH`, `-` is `type=tar,dest=-` (`buildx/util/buildflags/export.go`).
    #[must_use]
    pub fn output(text: &str) -> Option<Self> {
        let parsed = Self::parse(text)?;
        let [Field { key, value, .. }] = parsed.fields.as_slice() else { return Some(parsed) };
        if !key.is_empty() {
            return Some(parsed);
        }
        let kind = if value == "-" { "tar" } else { "local" };
        Self::parse(&format!("type={kind}")).map(|mut output| {
            output.fields.push(Field { key: "dest".to_owned(), value: value.clone(), at: Some(0) });
            output
        })
    }

    /// The last value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.field(key).map(|field| field.value.as_str())
    }

    /// The last field called `key`.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().rev().find(|field| field.key == key)
    }

    /// Whether no field has a key: `--cache-from app:a,app:b`.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.fields.iter().all(|field| field.key.is_empty())
    }

    /// Whether an output goes to a registry: `type=registry`, or `type=image` with `push=true`.
    #[must_use]
    pub fn pushes(&self) -> bool {
        match self.get("type") {
            Some("registry") => self.get("push") != Some("false"),
            Some("image" | "oci" | "docker") => self.get("push") == Some("true"),
            _ => false,
        }
    }
}

impl Field {
    fn new(text: &str, at: Option<usize>) -> Self {
        match text.split_once('=') {
            // A brace before the `=` means that it belongs to a variable's default value, not to a key.
            Some((key, value)) if !key.contains("${") => {
                let at = at.map(|at| at + key.len() + 1);
                Self { key: key.trim().to_ascii_lowercase(), value: value.to_owned(), at }
            }
            _ => Self { key: String::new(), value: text.to_owned(), at },
        }
    }
}

/// The fields with the byte offset where each begins and whether it was quoted. Commas inside of `${…}` don't split.
fn split(text: &str) -> Option<Vec<(usize, bool, String)>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let (mut start, mut quoted, mut in_quotes, mut braces) = (0, false, false, 0_usize);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if in_quotes && letters.peek().is_some_and(|&(_, next)| next == '"') => {
                letters.next();
                field.push('"');
            }
            '"' if in_quotes => in_quotes = false,
            '"' if field.is_empty() && !quoted => (quoted, in_quotes) = (true, true),
            ',' if !in_quotes && braces == 0 => {
                fields.push((start, quoted, std::mem::take(&mut field)));
                (start, quoted) = (at + 1, false);
            }
            _ => {
                match letter {
                    '{' if field.ends_with('$') => braces += 1,
                    '}' => braces = braces.saturating_sub(1),
                    _ => {}
                }
                field.push(letter);
            }
        }
    }
    fields.push((start, quoted, field));
    (!in_quotes).then_some(fields)
}
