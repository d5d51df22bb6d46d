//! YAML 1.1's line ends: `\n`, `\r`, `\r\n`, U+0085, U+2028 and U+2029.

/// How many bytes the line end at `at` takes; 0 where there is none.
pub(super) fn break_length(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b'\r', b'\n', ..] | [0xC2, 0x85, ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}

/// What the line end at `at` is in a scalar's text: `\n`, but U+2028 and U+2029 stay as they are.
pub(super) fn break_text(text: &str, at: usize) -> &str {
    match break_length(text.as_bytes(), at) {
        0 => "",
        3 => &text[at..at + 3],
        _ => "\n",
    }
}

/// The offset of the first line end at or behind `at`; the text's end where there is none.
pub(super) fn line_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && break_length(bytes, at) == 0 {
        at += 1;
    }
    at.min(bytes.len())
}

/// Where the line end begins that ends at `end`; `end` itself where there is none.
pub(super) fn before_break(bytes: &[u8], end: usize) -> usize {
    match &bytes[..end] {
        [.., b'\r', b'\n'] | [.., 0xC2, 0x85] => end - 2,
        [.., b'\r' | b'\n'] => end - 1,
        [.., 0xE2, 0x80, 0xA8 | 0xA9] => end - 3,
        _ => end,
    }
}

/// Where each line of the text begins.
pub(super) fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    let mut at = 0;
    while at < bytes.len() {
        let length = break_length(bytes, at);
        if length > 0 {
            starts.push(u32::try_from(at + length).expect("files over 4 GiB are refused when read"));
        }
        at += length.max(1);
    }
    starts
}
