//! Any text as a script: no panic, no hang; every place lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undind::shell::{Limits, parse};

fuzz_target!(|text: &str| {
    let script = parse(text, Limits::default());
    for statement in &script.body {
        let range = statement.range.range();
        assert!(range.start <= range.end && range.end <= text.len());
        assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end));
    }
});
