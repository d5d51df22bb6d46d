//! Any pattern against any path: no panic, no hang; a pattern without special characters matches itself alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undind::pipeline::fnmatch::Pattern;

fuzz_target!(|input: (&str, &str)| {
    let (pattern, path) = input;
    let Some(compiled) = Pattern::new(pattern) else { return };
    let matches = compiled.matches(path);
    if !pattern.contains(['*', '?', '[', '{', '}', '\\']) {
        assert_eq!(matches, pattern == path);
    }
});
