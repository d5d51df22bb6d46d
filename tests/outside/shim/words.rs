//! A command's arguments → its options with their values, and its operands, given the options that take one. It knows how GNU and Go programs write options, not
//! which of them exist.

/// The options of a command in order, long names without dashes, and its operands.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    pub options: Vec<(String, Option<String>)>,
    pub operands: Vec<String>,
}

impl Words {
    /// Reads `arguments`; `valued` lists the options that take a value, as `name` or `n:name` where `-n` is short for `--name`.
    pub fn read(arguments: &[String], valued: &[&str]) -> Self {
        let mut words = Self { options: Vec::new(), operands: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                words.operands.extend(rest.by_ref().cloned());
            } else if word == "-" || !word.starts_with('-') {
                words.operands.push(word.clone());
            } else {
                let (name, value) = split(word, valued);
                let value = value.or_else(|| if takes_value(&name, valued) { rest.next().cloned() } else { None });
                words.options.push((name, value));
            }
        }
        words
    }

    /// The options before the first operand, and what follows from there on.
    pub fn global(arguments: &[String], valued: &[&str]) -> (Self, Vec<String>) {
        let mut end = 0;
        while arguments.get(end).is_some_and(|word| word.starts_with('-') && word.len() > 1) {
            let (name, value) = split(&arguments[end], valued);
            end += if value.is_none() && takes_value(&name, valued) { 2 } else { 1 };
        }
        let end = end.min(arguments.len());
        (Self::read(&arguments[..end], valued), arguments[end..].to_vec())
    }

    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, value)| option == name && value.as_deref() != Some("false"))
    }

    pub fn values(&self, name: &str) -> Vec<String> {
        self.options.iter().filter(|(option, _)| option == name).filter_map(|(_, value)| value.clone()).collect()
    }

    pub fn last(&self, name: &str) -> Option<String> {
        self.values(name).pop()
    }
}

fn split(word: &str, valued: &[&str]) -> (String, Option<String>) {
    if let Some(long) = word
        .strip_prefix("--")
        .or_else(|| word.strip_prefix('-').filter(|rest| rest.chars().count() > 1 && long_with_one_dash(rest, valued)))
    {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
        return (name.to_owned(), value);
    }
    let letters = word.trim_start_matches('-');
    let short: String = letters.chars().take(1).collect();
    let rest = &letters[short.len()..];
    let name = long_name(&short, valued);
    let value = if rest.is_empty() || !takes_value(&name, valued) { None } else { Some(rest.trim_start_matches('=').to_owned()) };
    (name, value)
}

/// Kaniko and old Go programs also take `-name`.
fn long_with_one_dash(rest: &str, valued: &[&str]) -> bool {
    let name = rest.split('=').next().unwrap_or(rest);
    name.len() > 1 && valued.iter().any(|entry| entry.rsplit(':').next() == Some(name))
}

fn long_name(short: &str, valued: &[&str]) -> String {
    let entry = valued.iter().find_map(|entry| entry.split_once(':').filter(|(letter, _)| *letter == short));
    entry.map_or_else(|| short.to_owned(), |(_, name)| name.to_owned())
}

fn takes_value(name: &str, valued: &[&str]) -> bool {
    valued.iter().any(|entry| entry.rsplit(':').next() == Some(name))
}

#[test]
fn values_stand_beside_after_or_in_an_option() {
    let read = |line: &str| Words::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), &["t:tag", "f:file", "destination"]);
    for line in ["-t a --push -f b .", "-ta --push --file=b .", "--tag a --push -f=b .", ". --tag=a --push=true --file b"] {
        let words = read(line);
        assert_eq!(
            (words.last("tag").as_deref(), words.last("file").as_deref(), words.has("push")),
            (Some("a"), Some("b"), true),
            "{line}"
        );
        assert_eq!(words.operands, ["."], "{line}");
    }
    assert!(!read("--push=false .").has("push"));
    assert_eq!(read("-destination a").last("destination").as_deref(), Some("a"));
}
