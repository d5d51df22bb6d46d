//! What a reader of a document relies on: places, comments, provenance, limits.

use super::{CollectionStyle, Data, Key, Limits, NodeId, NodeKind, Step, Tree, Value, YamlError, YamlErrorKind, compose, json_text, parse};
use crate::source::{FileId, SourceFile, Sources, Span};

fn file() -> FileId {
    Sources::default().add(SourceFile::new("a.yml", ""))
}

fn tree(text: &str) -> Tree {
    parse(file(), text, 0..text.len(), &Limits::default()).unwrap()
}

fn load(text: &str) -> Result<Value, YamlError> {
    let limits = Limits::default();
    compose(&parse(file(), text, 0..text.len(), &limits)?, &limits)
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.range()]
}

/// The value node of a key at the root.
fn at(tree: &Tree, key: &str) -> NodeId {
    let pairs = tree.pairs(tree.root().unwrap()).unwrap();
    pairs.iter().find(|pair| tree.scalar(pair.key).is_some_and(|scalar| &*scalar.text == key)).unwrap().value
}

#[test]
fn a_block_collection_ends_with_its_last_child() {
    for newline in ["\n", "\r\n"] {
        let text =
            "a:\n- x   # first\n- &s !t\n  k: v\n\n# about b\nb:\n    c: |\n      one\n\n    # not text\nd: 1\n".replace('\n', newline);
        let tree = tree(&text);
        let list = tree.node(at(&tree, "a"));
        assert_eq!(slice(&text, list.span), "- x   # first\n- &s !t\n  k: v".replace('\n', newline));
        assert_eq!(slice(&text, tree.node(at(&tree, "b")).span), "c: |\n      one".replace('\n', newline));
        let item = tree.node(tree.items(at(&tree, "a")).unwrap()[1]);
        assert_eq!(slice(&text, item.span), "k: v");
        assert_eq!(slice(&text, item.full), "&s !t\n  k: v".replace('\n', newline));
        assert_eq!(slice(&text, item.anchor.as_ref().unwrap().span), "&s");
        assert_eq!((&*item.tag.as_ref().unwrap().text, item.column), ("!t", 2));
        assert_eq!(item.dash.unwrap().start, text.find("- &s").unwrap() as u32);
    }
}

#[test]
fn the_end_of_a_block_scalar_leaves_out_blank_lines_unless_they_are_kept() {
    let cases = [
        ("a: |\n  x\n\n\nb: 1\n", "|\n  x"),
        ("a: |+\n  x\n\n\nb: 1\n", "|+\n  x\n\n"),
        ("a: >-\n  x\n    \n\nb: 1\n", ">-\n  x\n    "),
        ("a: |\n  x", "|\n  x"),
        ("a: | # why\n\nb: 1\n", "| # why"),
    ];
    for (text, expected) in cases {
        let tree = tree(text);
        assert_eq!(slice(text, tree.node(at(&tree, "a")).span), expected, "{text:?}");
    }
}

#[test]
fn a_missing_value_stands_directly_behind_its_indicator() {
    let text = "a:   # nothing\n\n\nb:\n-\n- x\n? c\n# far\n\n";
    let tree = tree(text);
    assert_eq!(tree.node(at(&tree, "a")).span.range(), 2..2);
    let first = tree.node(tree.items(at(&tree, "b")).unwrap()[0]);
    assert_eq!((first.span.start, first.dash.unwrap().end), (first.dash.unwrap().end, first.span.start));
    assert_eq!(slice(text, tree.node(tree.root().unwrap()).span).lines().last(), Some("? c"));
}

#[test]
fn comments_belong_to_the_lines_that_they_stand_on() {
    let text = "# license\n\n# one\n  # two\na: 1  # here\nb: {x: 1, # in\n  y: '#no'}\nc: | # head\n  # text\n";
    let tree = tree(text);
    let texts = |comments: &[super::Comment]| comments.iter().map(|comment| slice(text, comment.span)).collect::<Vec<_>>();
    assert_eq!(texts(tree.comments()), ["# license", "# one", "# two", "# here", "# in", "# head"]);
    assert_eq!(texts(tree.comments_above(at(&tree, "a"))), ["# one", "# two"]);
    assert_eq!(slice(text, tree.comment_after(at(&tree, "a")).unwrap().span), "# here");
    assert!(tree.comment_after(at(&tree, "b")).is_none());
    assert_eq!(texts(tree.comments_in(tree.node(at(&tree, "b")).span)), ["# in"]);
}

#[test]
fn a_pair_in_a_list_without_braces_has_a_style_of_its_own() {
    let text = "[a: 1, {b: 2}]";
    let tree = tree(text);
    let style = |&item: &NodeId| match tree.node(item).kind {
        NodeKind::Mapping { style, .. } => (style, slice(text, tree.node(item).span)),
        _ => panic!("not a mapping"),
    };
    let styles: Vec<_> = tree.items(NodeId(0)).unwrap().iter().map(style).collect();
    assert_eq!(styles, [(CollectionStyle::FlowPair, "a: 1"), (CollectionStyle::Flow, "{b: 2}")]);
}

#[test]
fn a_value_tells_what_it_hides_and_how_it_came() {
    let text = "x: &x {a: 1, b: 2}\nz: &z {b: 3}\ny:\n  b: own\n  <<: [*x, *z]\n  a: last\nw: *x\n";
    let value = load(text).unwrap();
    let entry = value.get("y").unwrap().as_mapping().unwrap().entry("b").unwrap();
    assert_eq!(slice(text, entry.value.span), "2");
    let hidden: Vec<&str> = entry.shadowed.iter().map(|hidden| slice(text, hidden.value.span)).collect();
    assert_eq!(hidden, ["3", "own"]);
    let steps: Vec<(&Step, &str)> = entry.value.steps().map(|via| (&via.step, slice(text, via.span))).collect();
    assert_eq!(steps, [(&Step::MergeKey, "<<"), (&Step::Alias("x".into()), "*x")]);
    assert_eq!(entry.via, entry.value.via);
    assert!(entry.shadowed[1].via.is_none());
    let own = value.get("y").unwrap().as_mapping().unwrap().entry("a").unwrap();
    assert!(own.via.is_none() && own.shadowed.len() == 1);
    let (Data::Mapping(written), Data::Mapping(aliased)) = (&value.get("x").unwrap().data, &value.get("w").unwrap().data) else {
        panic!("two mappings");
    };
    assert!(std::sync::Arc::ptr_eq(written, aliased));
    assert_eq!(slice(text, value.get("w").unwrap().via.as_ref().unwrap().span), "*x");
}

#[test]
fn a_key_keeps_its_first_place_and_its_last_value() {
    let value = load("a: 1\nb: 2\na: 3\na: 4\n").unwrap();
    assert_eq!(json_text(&value), r#"{"a":4,"b":2}"#);
    let hidden = &value.as_mapping().unwrap().entries[&Key::String("a".into())].shadowed;
    assert_eq!(hidden.iter().map(|entry| entry.value.span.start).collect::<Vec<_>>(), [13, 3]);
}

#[test]
fn only_the_range_given_is_read_and_places_are_those_of_the_file() {
    let text = "spec: é\n---\nb: 1\nb: \"\n---\n";
    let start = text.find("b: 1").unwrap();
    let tree = parse(file(), text, start..start + 4, &Limits::default()).unwrap();
    assert_eq!(slice(text, tree.node(at(&tree, "b")).span), "1");
    let error = parse(file(), text, start..text.len(), &Limits::default()).unwrap_err();
    assert_eq!(error.kind, YamlErrorKind::Syntax);
    assert_eq!(error.context.unwrap().1.start as usize, text.find('"').unwrap());
}

#[test]
fn a_byte_order_mark_shifts_the_first_line_as_in_psych() {
    assert_eq!(json_text(&load("\u{feff}a: b\nc: d\n").unwrap()), r#"{"a":"b"}"#);
    assert_eq!(json_text(&load("\u{feff}{a: b}\n").unwrap()), r#"{"a":"b"}"#);
}

#[test]
fn what_psych_refuses_is_refused_at_its_place() {
    let cases = [
        ("a: *x\n", "*x", YamlErrorKind::Alias),
        ("a: &x [*x]\n", "*x", YamlErrorKind::Alias),
        ("r: &x !reference [a]\nb: *x\n", "*x", YamlErrorKind::Alias),
        ("a: 2024-01-01\n", "2024-01-01", YamlErrorKind::DisallowedClass),
        ("a: !!set {b}\n", "!!set {b}", YamlErrorKind::DisallowedClass),
        ("a: !!float x\n", "x", YamlErrorKind::Conversion),
        ("<<: !reference [a]\n", "!reference [a]", YamlErrorKind::Conversion),
        ("a: \u{1}b\n", "\u{1}", YamlErrorKind::Syntax),
        ("a: \0b\n", "\0", YamlErrorKind::Syntax),
        ("a:\n\tb: 1\n", "\t", YamlErrorKind::Syntax),
    ];
    for (text, place, kind) in cases {
        let error = load(text).unwrap_err();
        assert_eq!((slice(text, error.span), error.kind), (place, kind), "{text:?}: {error}");
    }
}

#[test]
fn what_grows_without_end_meets_a_limit() {
    let bomb = (1..30).fold("a0: &a0 [x]\n".to_owned(), |text, at| {
        let before = at - 1;
        format!("{text}a{at}: &a{at} [*a{before}, *a{before}]\n")
    });
    let merges = (1..30).fold("a0: &a0 {k: 1, k: 2}\n".to_owned(), |text, at| {
        let before = at - 1;
        format!("{text}a{at}: &a{at}\n  <<: [*a{before}, *a{before}]\n")
    });
    let chain = |item: fn(usize) -> String| (1..5_000).fold("a0: &a0 {k: 1}\n".to_owned(), |text, at| text + &item(at));
    let cases = [
        bomb,
        merges,
        chain(|at| format!("a{at}: &a{at} [*a{}]\n", at - 1)),
        chain(|at| format!("a{at}: &a{at} {{<<: *a{}}}\n", at - 1)),
        "[".repeat(10_000),
        "- ".repeat(10_000),
        "? ".repeat(10_000),
        "{a: ".repeat(10_000),
        "%TAG !a! b\n".repeat(50_000) + "---\na: 1\n",
        "- \n".repeat(1_000_001),
        "a".repeat((10 << 20) + 1),
        format!("a: 0x{}", "f".repeat(100_000)),
    ];
    for text in &cases {
        let error = load(text).unwrap_err();
        assert_eq!(error.kind, YamlErrorKind::Limit, "{error}: {}", &text[..40]);
    }
}

#[test]
fn many_duplicates_of_one_key_cost_no_more_than_many_keys() {
    let value = load(&"a: 1\n".repeat(100_000)).unwrap();
    assert_eq!(value.as_mapping().unwrap().entry("a").unwrap().shadowed.len(), 99_999);
}

#[test]
fn an_empty_document_is_null() {
    for text in ["", "# hi\n", "---\n", "--- # hi\n...\n", "\n\n"] {
        assert!(load(text).unwrap().is_null(), "{text:?}");
    }
    assert!(tree("# hi\n").root().is_none());
}

#[test]
fn decoded_text_knows_its_bytes() {
    let cases = [
        ("a: 'it''s docker build'\n", "docker", Some("docker")),
        ("a: 'it''s docker build'\n", "it's", None),
        ("a: \"x\\tdocker\\u00e9\"\n", "docker", Some("docker")),
        ("a: \"x\\tdocker\\u00e9\"\n", "é", None),
        ("a: |\r\n   cd é\r\n   docker build\r\n", "docker build", Some("docker build")),
        ("a: |\r\n   cd é\r\n   docker build\r\n", "é\ndocker", None),
        ("a: >-\n  docker\n  build .\n\n    x\n", "build .", Some("build .")),
        ("a: >-\n  docker\n  build .\n\n    x\n", "docker build", None),
        ("a: docker\n  build\n", "build", Some("build")),
        ("a: |2\n    docker\n", "  docker", Some("  docker")),
        ("a: \"one \\\n   two\"\n", "one two", None),
        ("a: \"one \\\n   two\"\n", "two", Some("two")),
    ];
    for (text, part, expected) in cases {
        let tree = tree(text);
        let id = at(&tree, "a");
        let decoded = &tree.scalar(id).unwrap().text;
        let map = tree.text_map(id, text).unwrap();
        let start = decoded.find(part).unwrap();
        let source = map.source(start..start + part.len());
        assert_eq!(source.map(|span| slice(text, span)), expected, "{part:?} in {text:?}");
        if let Some(span) = source {
            assert_eq!(map.decoded(span.start as usize), Some(start));
        }
    }
    let text = "a: |\n  one\n  two\n";
    let tree = tree(text);
    assert_eq!(slice(text, tree.text_map(at(&tree, "a"), text).unwrap().cover(1..6)), "ne\n  tw");
}

#[test]
fn a_text_with_pieces_replaced_still_knows_where_the_rest_is_written() {
    let text = "a: 'x $[[ i ]] it''s $[[ j ]]!'\n";
    let tree = tree(text);
    let map = tree.text_map(at(&tree, "a"), text).unwrap();
    // `x $[[ i ]] it's $[[ j ]]!` becomes `x long it's !`.
    let replaced = map.with_replaced(&[(2..10, 4), (16..24, 0)]);
    assert_eq!(replaced.segments().last().unwrap().decoded.end, "x long it's !".len());
    for (range, expected) in
        [(0..2, Some("x ")), (6..9, Some(" it")), (10..12, Some("s ")), (12..13, Some("!")), (2..6, None), (0..4, None), (9..10, None)]
    {
        assert_eq!(replaced.source(range.clone()).map(|span| slice(text, span)), expected, "{range:?}");
    }
    assert_eq!(slice(text, replaced.cover(1..7)), " $[[ i ]] ");
}
