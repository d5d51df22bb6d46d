//! Numerals that Psych takes for numbers into decimal digits and floats. Expects texts that match Psych's patterns.

use super::scalar::Refusal;
use super::value::Data;

/// An integer in base 2, 8, 10 or 16, as Ruby's `Integer()` reads it without `_` and `,`.
pub(super) fn integer(text: &str) -> Result<Data, Refusal> {
    let plain = text.replace([',', '_'], "");
    let (negative, digits) = sign(&plain);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return Err(Refusal::Conversion(format!("`{text}` has no digits")));
    }
    let decimal = if radix == 10 { digits.to_owned() } else { decimal(digits, radix) };
    let negative = negative && decimal != "0";
    Ok(Data::Integer(if negative { format!("-{decimal}") } else { decimal }.into()))
}

/// `hours:minutes:seconds` as Psych counts them: the first part is always hours.
pub(super) fn base60_integer(text: &str) -> Result<Data, Refusal> {
    let mut sum = 0_i128;
    for (part, factor) in text.split(':').zip([3600, 60, 1]) {
        let number: i128 = leading_integer(part).parse().map_err(|_| Refusal::TooLong)?;
        sum = number.checked_mul(factor).and_then(|product| sum.checked_add(product)).ok_or(Refusal::TooLong)?;
    }
    Ok(Data::Integer(sum.to_string().into()))
}

/// `hours:minutes:seconds.fraction`, counted like [`base60_integer`].
pub(super) fn base60_float(text: &str) -> f64 {
    text.split(':').zip([3600.0, 60.0, 1.0]).map(|(part, factor)| leading_float(part) * factor).sum()
}

/// A float, as Ruby's `Float()` reads it without `_` and `,` and without a `.` that no digit follows.
pub(super) fn float(text: &str) -> Result<Data, Refusal> {
    let plain = text.replace([',', '_'], "");
    plain.parse().map(Data::Float).map_err(|_| Refusal::Conversion(format!("`{text}` has no digits")))
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// What Ruby's `to_i` reads: digits with single underscores between them.
fn leading_integer(text: &str) -> String {
    let (negative, digits) = sign(text);
    format!("{}{}", if negative { "-" } else { "" }, leading_digits(digits).0)
}

/// What Ruby's `to_f` reads.
fn leading_float(text: &str) -> f64 {
    let (negative, rest) = sign(text);
    let (whole, read) = leading_digits(rest);
    let fraction = rest[read..].strip_prefix('.').map(|rest| leading_digits(rest).0).unwrap_or_default();
    let magnitude: f64 = format!("0{whole}.{fraction}0").parse().unwrap_or_default();
    if negative { -magnitude } else { magnitude }
}

/// The digits at the start, and how many bytes they take with their underscores.
fn leading_digits(text: &str) -> (String, usize) {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = 0;
    while digit(end) || (end > 0 && bytes.get(end) == Some(&b'_') && digit(end + 1)) {
        end += 1;
    }
    (text[..end].replace('_', ""), end)
}

/// Digits of base `radix` in base ten. Quadratic in their number, which is limited before.
fn decimal(digits: &str, radix: u32) -> String {
    const BASE: u64 = 1_000_000_000;
    let mut groups: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|digit| digit.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for group in &mut groups {
            let value = *group * u64::from(radix) + carry;
            *group = value % BASE;
            carry = value / BASE;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut text = groups.pop().unwrap_or_default().to_string();
    text.extend(groups.iter().rev().map(|group| format!("{group:09}")));
    text
}

/// What Ruby's `Float()` reads: digits with single underscores, a fraction and an exponent, blanks around.
pub(super) fn ruby_parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let well_formed = bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'_' | b'.' => digit(Some(at + 1)) && (*byte == b'.' || digit(at.checked_sub(1))),
        _ => byte.is_ascii_digit() || b"+-eE".contains(byte),
    });
    if well_formed { text.replace('_', "").parse().ok() } else { None }
}
