//! A stream of bytes into the same stream with secrets replaced, however it is cut. Knows no variable.

use aho_corasick::{AhoCorasick, MatchKind};

/// What stands for a secret, as in GitLab's logs.
const MASKED: &[u8] = b"[MASKED]";

/// Replaces secrets in a stream.
#[derive(Debug)]
pub struct Mask {
    secrets: Option<AhoCorasick>,
    /// Bytes of the longest secret.
    longest: usize,
    /// Bytes that may be the beginning of a secret.
    held: Vec<u8>,
}

impl Mask {
    /// A mask over `secrets`; empty ones are none. Of a secret with several lines each line is one, since logs are read by lines.
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut lines: Vec<&str> =
            secrets.into_iter().flat_map(|secret| secret.lines()).map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        lines.dedup();
        let longest = lines.iter().map(|line| line.len()).max().unwrap_or_default();
        // The longest of several at one place, so that nothing of it stays.
        let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&lines).ok();
        Self { secrets: searcher.filter(|_| !lines.is_empty()), longest, held: Vec::new() }
    }

    /// Takes the next bytes of the stream and appends to `out` what is known to hold no further beginning of a secret.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(secrets) = &self.secrets else {
            out.extend_from_slice(bytes);
            return;
        };
        self.held.extend_from_slice(bytes);
        // What begins before here lies wholly in what is held.
        let sure = self.held.len().saturating_sub(self.longest - 1);
        let mut from = 0;
        for found in secrets.find_iter(&self.held) {
            if found.start() >= sure {
                break;
            }
            out.extend_from_slice(&self.held[from..found.start()]);
            out.extend_from_slice(MASKED);
            from = found.end();
        }
        if from < sure {
            out.extend_from_slice(&self.held[from..sure]);
            from = sure;
        }
        self.held.drain(..from);
    }

    /// Ends the stream, or a piece of it in which no secret goes on.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let Some(secrets) = &self.secrets else { return };
        let mut from = 0;
        for found in secrets.find_iter(&self.held) {
            out.extend_from_slice(&self.held[from..found.start()]);
            out.extend_from_slice(MASKED);
            from = found.end();
        }
        out.extend_from_slice(&self.held[from..]);
        self.held.clear();
    }

    /// `text` with its secrets replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.secrets.as_ref().map_or_else(
            || text.to_owned(),
            |secrets| {
                let mut out = String::new();
                secrets.replace_all_with(text, &mut out, |_, _, out| {
                    out.push_str("[MASKED]");
                    true
                });
                out
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let mut mask = Mask::new(secrets.iter().copied());
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| mask.push(piece, &mut out));
        mask.flush(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_replaced_however_it_is_cut() {
        let text = b"a hunter22 b hunter22";
        for cut in 0..text.len() {
            for second in cut..text.len() {
                let pieces = [&text[..cut], &text[cut..second], &text[second..]];
                assert_eq!(masked(&["hunter22"], &pieces), "a [MASKED] b [MASKED]", "{cut} {second}");
            }
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(masked(&["hunter22"], &bytes), "a [MASKED] b [MASKED]");
    }

    #[test]
    fn of_a_secret_within_another_nothing_is_left() {
        for cut in 0..12 {
            assert_eq!(masked(&["secret", "secret-long"], &[&b"secret-long."[..cut], &b"secret-long."[cut..]]), "[MASKED].");
        }
    }

    #[test]
    fn without_secrets_everything_passes_at_once() {
        let mut mask = Mask::new([""]);
        let mut out = Vec::new();
        mask.push(b"abc", &mut out);
        assert_eq!(out, b"abc");
    }

    #[test]
    fn each_line_of_a_secret_is_one() {
        assert_eq!(masked(&["first line\nsecond"], &[b"x second y first line"]), "x [MASKED] y [MASKED]");
    }
}
