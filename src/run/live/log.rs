//! What a job prints into the lines of its log: masked, cut into lines, searched for its coverage, and written to a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use regex::Regex;

use crate::run::event::{Event, Level};
use crate::run::live::runner::Message;
use crate::run::mask::Mask;

/// Longest piece of a line that is told at once, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// Most bytes of a log that are kept in its file.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The log of an attempt at a job.
pub struct Log {
    job: Arc<str>,
    events: SyncSender<Message>,
    mask: Mask,
    /// The line so far.
    line: Vec<u8>,
    file: Option<File>,
    room: u64,
    coverage: Option<Regex>,
    /// What the last line said that matched.
    pub covered: Option<f64>,
}

impl Log {
    /// A log of `job` that goes to `events` and, if it can be made, to the file at `path`. `coverage` is a regular expression.
    pub fn new(job: Arc<str>, events: SyncSender<Message>, mask: Mask, path: &Path, coverage: Option<&str>) -> Self {
        Self {
            job,
            events,
            mask,
            line: Vec::new(),
            file: File::create(path).ok(),
            room: MAX_FILE,
            coverage: coverage.and_then(|pattern| Regex::new(pattern).ok()),
            covered: None,
        }
    }

    /// Says something of the job that it does not print itself.
    pub fn note(&self, level: Level, text: impl AsRef<str>) {
        let text = self.mask.text(text.as_ref());
        let _ = self.events.send(Message::Event(Event::Note { job: Some(self.job.clone()), level, text }));
    }

    /// Ends the line that the job did not end.
    pub fn end(&mut self) {
        let mut bytes = Vec::new();
        self.mask.flush(&mut bytes);
        self.split(&bytes);
        if !self.line.is_empty() {
            self.tell();
        }
    }

    fn split(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.tell();
            }
            while self.line.len() > MAX_LINE {
                let rest = self.line.split_off(boundary(&self.line, MAX_LINE));
                self.tell();
                self.line = rest;
            }
        }
    }

    /// Tells the line.
    fn tell(&mut self) {
        self.keep();
        let text = String::from_utf8_lossy(self.line.strip_suffix(b"\n").unwrap_or(&self.line)).into_owned();
        self.line.clear();
        if let Some(covered) = self.coverage.as_ref().and_then(|regex| covered(regex, text.trim_end_matches('\r'))) {
            self.covered = Some(covered);
        }
        let _ = self.events.send(Message::Event(Event::Log { job: self.job.clone(), text }));
    }

    fn keep(&mut self) {
        let Some(file) = &mut self.file else { return };
        let length = self.line.len() as u64;
        let written = if self.room < length { Err(io::ErrorKind::FileTooLarge.into()) } else { file.write_all(&self.line) };
        self.room = self.room.saturating_sub(length);
        if written.is_err() {
            // The reader of the file is told, as far as that is possible.
            let _ = file.write_all(b"[the rest is not kept]\n");
            self.file = None;
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // No secret goes on behind the end of a line, so that all of it can be told.
        let (lines, rest) = bytes.split_at(memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1));
        let mut clean = Vec::with_capacity(bytes.len());
        self.mask.push(lines, &mut clean);
        if !lines.is_empty() {
            self.mask.flush(&mut clean);
        }
        self.mask.push(rest, &mut clean);
        self.split(&clean);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The last place up to `at` at which no character of UTF-8 is cut.
fn boundary(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at).rev().find(|&index| bytes[index] & 0xC0 != 0x80).unwrap_or(at)
}

/// The number in the last match of a line (gitlab, `Gitlab::Ci::Trace::Stream#extract_coverage`).
fn covered(regex: &Regex, line: &str) -> Option<f64> {
    let last = regex.captures_iter(line).last()?;
    let text = last.iter().flatten().last().map_or("", |group| group.as_str());
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number = &text[start..];
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let fraction = number[end..].strip_prefix(['.', ',']).unwrap_or_default();
    let fraction = &fraction[..fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len())];
    format!("{}.{}0", &number[..end], fraction).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn lines(secrets: &[&str], pieces: &[&[u8]]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let (sender, receiver) = mpsc::sync_channel(100);
        let mut log = Log::new("job".into(), sender, Mask::new(secrets.iter().copied()), &folder.path().join("log"), None);
        pieces.iter().for_each(|piece| log.write_all(piece).unwrap());
        log.end();
        drop(log);
        let text = |message: Message| match message {
            Message::Event(Event::Log { text, .. }) => text,
            _ => String::new(),
        };
        receiver.iter().map(text).collect()
    }

    #[test]
    fn lines_are_told_once_they_end_and_the_last_at_the_end() {
        assert_eq!(lines(&[], &[b"a", b"b\nc\n\n", b"d"]), ["ab", "c", "", "d"]);
        assert_eq!(lines(&["secret-1"], &[b"x secr", b"et-1\n"]), ["x [MASKED]"]);
    }

    #[test]
    fn bytes_that_are_no_text_and_lines_without_end_are_told_in_pieces() {
        assert_eq!(lines(&[], &[b"\xff\xfe\n"]), ["\u{fffd}\u{fffd}"]);
        let long = "\u{e4}".repeat(MAX_LINE + 1);
        let told = lines(&[], &[long.as_bytes()]);
        assert_eq!((told.len(), told.concat()), (3, long));
    }

    #[test]
    fn the_file_of_a_log_is_kept_up_to_its_limit_and_everything_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (sender, receiver) = mpsc::sync_channel(100);
        let reading = std::thread::spawn(move || receiver.iter().count());
        let mut log = Log::new("job".into(), sender, Mask::new([]), &path, None);
        let line = [vec![b'x'; MAX_LINE - 1], b"\n".to_vec()].concat();
        let lines = usize::try_from(MAX_FILE).unwrap() / MAX_LINE + 10;
        (0..lines).for_each(|_| log.write_all(&line).unwrap());
        log.end();
        drop(log);
        let kept = std::fs::read(&path).unwrap();
        assert_eq!((kept.len(), reading.join().unwrap()), (usize::try_from(MAX_FILE).unwrap() + 23, lines));
        assert!(kept.ends_with(b"x\n[the rest is not kept]\n"));
    }

    #[test]
    fn coverage_is_the_number_in_the_last_match() {
        let of = |pattern: &str, line: &str| covered(&Regex::new(pattern).unwrap(), line);
        assert_eq!(of(r"^TOTAL.+?(\d+(?:\.\d+)?%)$", "TOTAL 12 3 78.46%"), Some(78.46));
        assert_eq!(of(r"Lines\s*:\s*\d+", "Lines: 97 Lines: 98"), Some(98.0));
        assert_eq!(of("x", "y 1"), None);
    }
}
