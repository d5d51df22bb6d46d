//! A regular expression as RE2 reads it into one that the `regex` crate reads alike (<https://github.com/google/re2/wiki/Syntax>).

/// Largest count of a repetition: `RE2::Options` has no say in it.
const MAX_REPEAT: u32 = 1000;

/// `pattern` in the crate's syntax.
///
/// # Errors
/// What RE2 refuses and the crate would take; other mistakes are left for the crate to find.
pub fn translated(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { rest: pattern, out: String::with_capacity(pattern.len() + 16), repeatable: false };
    while let Some(c) = reader.next() {
        reader.one(c)?;
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
    /// Whether what was last written can be repeated: an atom, and not a repetition.
    repeatable: bool,
}

/// The names that may stand between `[:` and `:]`.
const CLASSES: &[&str] =
    &["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];
const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0C\r ";

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeatable = true;
    }

    fn literal(&mut self, c: char) {
        let text = regex::escape(c.encode_utf8(&mut [0; 4]));
        self.atom(&text);
    }

    fn one(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => return self.escape(),
            '[' => return self.class(),
            '*' | '+' | '?' => return self.repetition(c.encode_utf8(&mut [0; 4])),
            '{' => match self.counts() {
                Some(counts) => {
                    if counts.iter().flatten().any(|count| *count > MAX_REPEAT) {
                        return Err(format!("a repetition of more than {MAX_REPEAT} times is refused"));
                    }
                    let end = self.rest.find('}').expect("counts are closed");
                    let source = format!("{{{}}}", &self.rest[..end]);
                    self.rest = &self.rest[end + 1..];
                    return self.repetition(&source);
                }
                None => self.literal('{'),
            },
            '(' => return self.group(),
            '|' => {
                self.out.push('|');
                self.repeatable = false;
            }
            ')' | '.' | '^' | '$' => self.atom(c.encode_utf8(&mut [0; 4])),
            _ => self.literal(c),
        }
        Ok(())
    }

    fn repetition(&mut self, source: &str) -> Result<(), String> {
        if !self.repeatable {
            return Err(format!("`{source}` repeats nothing, or a repetition"));
        }
        self.out.push_str(source);
        if self.take("?") {
            self.out.push('?');
        }
        self.repeatable = false;
        Ok(())
    }

    /// The counts of `{n}`, `{n,}`, `{n,m}`, if that is what follows; otherwise the brace is a brace.
    fn counts(&self) -> Option<[Option<u32>; 2]> {
        let inner = &self.rest[..self.rest.find('}')?];
        let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
        let number =
            |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().unwrap_or(u32::MAX));
        let low = number(low)?;
        match high {
            None | Some("") => Some([Some(low), None]),
            Some(high) => Some([Some(low), Some(number(high)?)]),
        }
    }

    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        self.repeatable = false;
        if !self.rest.starts_with('?') {
            return Ok(());
        }
        // Nobody asks for the groups, and RE2 takes a name twice.
        if let Some(named) = self.rest.strip_prefix("?P<").or_else(|| self.rest.strip_prefix("?<")) {
            let end = named.find('>').filter(|end| *end > 0 && named[..*end].chars().all(|c| c.is_alphanumeric() || c == '_'));
            self.rest = &named[end.ok_or("a group has a name of letters, digits and underscores")? + 1..];
            return Ok(());
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let flags = &self.rest[1..end];
        if flags.contains(|c: char| !"imsU-".contains(c)) {
            return Err(format!("`(?{flags}` is no group that RE2 knows"));
        }
        self.out.push_str(&self.rest[..end]);
        self.rest = &self.rest[end..];
        if self.take(":") {
            self.out.push(':');
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.next() else { return Err("a `\\` ends the pattern".to_owned()) };
        match c {
            'Q' => {
                let end = self.rest.find("\\E").unwrap_or(self.rest.len());
                let quoted = &self.rest[..end];
                self.rest = self.rest[end..].strip_prefix("\\E").unwrap_or_default();
                quoted.chars().for_each(|c| self.literal(c));
            }
            'B' => self.atom(r"(?-u:\B)"),
            'C' => self.atom("(?s:.)"),
            'd' => self.atom(&format!("[{DIGIT}]")),
            'D' => self.atom(&format!("[^{DIGIT}]")),
            'w' => self.atom(&format!("[{WORD}]")),
            'W' => self.atom(&format!("[^{WORD}]")),
            's' => self.atom(&format!("[{SPACE}]")),
            'S' => self.atom(&format!("[^{SPACE}]")),
            'b' => self.atom(r"(?-u:\b)"),
            '0'..='7' => {
                let c = self.octal(c)?;
                self.literal(c);
            }
            _ if c.is_ascii_punctuation() => self.literal(c),
            'E' | 'u' | 'U' | '<' | '>' => return Err(format!("`\\{c}` is no escape that RE2 knows")),
            'p' | 'P' => {
                let text = self.property(c);
                self.atom(&text);
            }
            'x' => {
                let text = self.hexadecimal();
                self.atom(&text);
            }
            _ => self.atom(&format!("\\{c}")),
        }
        Ok(())
    }

    /// The character of up to three octal digits; a single digit but 0 would be a back reference, which RE2 doesn't have.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let more = self.rest.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if first != '0' && more == 0 {
            return Err(format!("`\\{first}` would refer back to a group, which RE2 does not do"));
        }
        let digits = format!("{first}{}", &self.rest[..more]);
        self.rest = &self.rest[more..];
        let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
        Ok(char::from_u32(code).expect("three octal digits are a character"))
    }

    fn property(&mut self, p: char) -> String {
        let length = if self.rest.starts_with('{') {
            self.rest.find('}').map_or(self.rest.len(), |end| end + 1)
        } else {
            self.rest.chars().next().map_or(0, char::len_utf8)
        };
        let name = &self.rest[..length];
        let negated = name.starts_with("{^");
        let other = if p == 'p' { 'P' } else { 'p' };
        let text = format!("\\{}{}", if negated { other } else { p }, name.replacen("{^", "{", 1));
        self.rest = &self.rest[length..];
        text
    }

    fn hexadecimal(&mut self) -> String {
        let length = if self.rest.starts_with('{') {
            self.rest.find('}').map_or(self.rest.len(), |end| end + 1)
        } else {
            self.rest.bytes().take(2).take_while(u8::is_ascii_hexdigit).count()
        };
        let text = format!("\\x{}", &self.rest[..length]);
        self.rest = &self.rest[length..];
        text
    }

    /// A class in brackets, written anew so that `&&`, `--`, `~~` and `[` are the characters that they are to RE2.
    fn class(&mut self) -> Result<(), String> {
        let mut text = String::from("[");
        if self.take("^") {
            text.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.is_empty() {
                return Err("a `[` is never closed".to_owned());
            }
            if !first && self.take("]") {
                break;
            }
            first = false;
            if let Some(end) = self.rest.strip_prefix("[:").and_then(|rest| rest.find(":]")) {
                let name = &self.rest[..end + 4];
                if !CLASSES.contains(&self.rest[2..end + 2].trim_start_matches('^')) {
                    return Err(format!("`{name}` is no class that RE2 knows"));
                }
                text.push_str(name);
                self.rest = &self.rest[end + 4..];
                continue;
            }
            self.range(&mut text)?;
        }
        text.push(']');
        self.atom(&text);
        Ok(())
    }

    fn range(&mut self, text: &mut String) -> Result<(), String> {
        let Some(low) = self.member(text)? else { return Ok(()) };
        let ranges = self.rest.starts_with('-') && !self.rest.starts_with("-]");
        if !ranges {
            text.push_str(&class_literal(low));
            return Ok(());
        }
        self.take("-");
        let mut other = String::new();
        let high = self.member(&mut other)?.filter(|high| *high >= low);
        let Some(high) = high else { return Err(format!("the range from `{low}` on is not in order")) };
        text.push_str(&format!("{}-{}", class_literal(low), class_literal(high)));
        Ok(())
    }

    /// A character of a class; what stands for several is written to `text`.
    fn member(&mut self, text: &mut String) -> Result<Option<char>, String> {
        let Some(c) = self.next() else { return Err("a `[` is never closed".to_owned()) };
        if c != '\\' {
            return Ok(Some(c));
        }
        let Some(c) = self.next() else { return Err("a `\\` ends the pattern".to_owned()) };
        let several = match c {
            'd' => DIGIT.to_owned(),
            'w' => WORD.to_owned(),
            's' => SPACE.to_owned(),
            'D' => format!("[^{DIGIT}]"),
            'W' => format!("[^{WORD}]"),
            'S' => format!("[^{SPACE}]"),
            'p' | 'P' => self.property(c),
            'x' => {
                let source = self.hexadecimal();
                let digits = source.trim_start_matches("\\x").trim_matches(['{', '}']);
                let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                return c.map(Some).ok_or_else(|| format!("`{source}` is no character"));
            }
            '0'..='7' => return self.octal(c).map(Some),
            'a' => return Ok(Some('\x07')),
            'f' => return Ok(Some('\x0c')),
            'n' => return Ok(Some('\n')),
            'r' => return Ok(Some('\r')),
            't' => return Ok(Some('\t')),
            'v' => return Ok(Some('\x0b')),
            _ if c.is_ascii_punctuation() => return Ok(Some(c)),
            _ => return Err(format!("`\\{c}` is no escape that RE2 knows in a class")),
        };
        text.push_str(&several);
        Ok(None)
    }
}

fn class_literal(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() { c.to_string() } else { format!("\\x{:02X}", u32::from(c)) }
}
