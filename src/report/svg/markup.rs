//! Texts and numbers into parts of an SVG: shortened, wrapped, and measured by guess, since no font is at hand.

use std::borrow::Cow;

/// A coordinate with one decimal at most.
#[must_use]
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The width of `text` at a font size of `size`: an estimate by kinds of characters, between Arial and the wider DejaVu Sans, so that it errs to the wide side with
/// the fonts of most systems.
#[must_use]
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The width of a character in ems.
fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.3,
        ' ' | 'f' | 'r' | 't' | 'I' | '(' | ')' | '[' | ']' | '/' | '\\' | '-' => 0.39,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.95,
        'A'..='Z' | '&' | '+' | '=' | '<' | '>' | '~' | '#' => 0.72,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0.0,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'.. => 1.1,
        _ => 0.6,
    }
}

/// `text` with `most` characters at most: what is too much is taken out of the middle.
#[must_use]
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let kept = most.saturating_sub(1);
    let end = kept / 2;
    let head = text.chars().take(kept - end);
    Cow::Owned(head.chain(['…']).chain(text.chars().skip(count - end)).collect())
}

/// `text` in lines of at most `widest` at a font size of `size`, broken at spaces. Of more than `most` lines, the last ends with an ellipsis.
#[must_use]
pub fn wrapped(text: &str, size: f64, widest: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + size / 2.0 <= widest => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(line) = lines.last_mut() {
            while let Some(space) = line.rfind(' ').filter(|_| width(line, size) + 1.5 * size > widest) {
                line.truncate(space);
            }
            line.push_str(" …");
        }
    }
    let fitting = ((widest / size) / 0.6).max(8.0) as usize;
    lines.into_iter().map(|line| if width(&line, size) > widest { shortened(&line, fitting).into_owned() } else { line }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_decimal_where_they_need_it() {
        assert_eq!([number(1.0), number(1.25), number(-0.01), number(120.06)], ["1", "1.2", "0", "120.1"]);
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("abcdefghij", 5), "ab…ij");
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßé", 4), "äö…é");
    }

    #[test]
    fn long_texts_become_lines_and_end_after_the_last_one() {
        let lines = wrapped("one two three four five six", 10.0, 60.0, 2);
        assert_eq!(lines, ["one two", "three …"]);
        assert!(wrapped(&"x".repeat(500), 10.0, 100.0, 2)[0].chars().count() < 20);
    }
}
