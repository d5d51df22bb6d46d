//! Any text as a condition: no panic, no hang; what is read has no more variables than tokens, and says the same twice.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use undind::pipeline::expression::{Expression, Lookup, Pattern};

fuzz_target!(|text: &str| {
    let _ = Pattern::parse(text);
    let _ = Pattern::bare(text);
    let Ok(expression) = Expression::parse(text) else { return };
    let lookup = |name: &str| match name.len() % 4 {
        0 => Lookup::Defined(Cow::Borrowed("a")),
        1 => Lookup::Undefined,
        2 => Lookup::Present,
        _ => Lookup::Unknown,
    };
    let first = expression.evaluate(&lookup, &lookup);
    assert_eq!(first, expression.evaluate(&lookup, &lookup));
    assert!(expression.variables().len() < 100);
});
