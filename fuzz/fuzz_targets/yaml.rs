//! Any text: it parses and composes or is refused at a place in it, and every scalar's segments decode to its text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undind::source::{SourceFile, Sources};
use undind::yaml::{Limits, compose, json_text, parse};

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("fuzz.yml", text));
    let limits = Limits::default();
    let tree = match parse(file, text, 0..text.len(), &limits) {
        Ok(tree) => tree,
        Err(error) => {
            let _ = sources.slice(error.span);
            return;
        }
    };
    for (id, node) in tree.nodes() {
        let _ = sources.slice(node.span);
        assert!(node.full.contains(node.span));
        if let (Some(scalar), Some(map)) = (tree.scalar(id), tree.text_map(id, text)) {
            let end = map.segments().iter().fold(0, |at, segment| {
                assert_eq!(segment.decoded.start, at);
                assert!(text.get(segment.source.clone()).is_some());
                segment.decoded.end
            });
            assert_eq!(end, scalar.text.len());
        }
    }
    match compose(&tree, &limits) {
        Ok(value) => {
            let _ = json_text(&value);
        }
        Err(error) => {
            let _ = sources.slice(error.span);
        }
    }
});
