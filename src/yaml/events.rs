//! YAML text into libyaml's events with byte offsets. The one file that calls unsafe code; knows no tree and no values.
#![expect(unsafe_code, reason = "libyaml's interface is that of a C library")]

use std::borrow::Cow;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::Arc;

use libyaml_rs as sys;

use super::tree::ScalarStyle;

/// One event and the bytes of the text that it stands for.
pub(super) struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Offsets of the first byte and behind the last; a node's properties are included.
    pub range: Range<usize>,
}

/// The kinds of [`Event`]. Tags are resolved: `!!str` is `tag:yaml.org,2002:str`.
pub(super) enum EventKind {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias { name: Box<str> },
    Scalar(ScalarEvent),
    SequenceStart { properties: Properties, flow: bool },
    SequenceEnd,
    MappingStart { properties: Properties, flow: bool },
    MappingEnd,
}

/// A scalar's text and how it was written.
pub(super) struct ScalarEvent {
    pub properties: Properties,
    pub text: Arc<str>,
    pub style: ScalarStyle,
    /// libyaml's `quoted_implicit`: written in quotes or as a block, without any tag.
    pub quoted: bool,
}

/// A node's anchor and tag.
#[derive(Default)]
pub(super) struct Properties {
    pub anchor: Option<Box<str>>,
    pub tag: Option<Box<str>>,
}

/// Where libyaml gave up, in its words.
pub(super) struct Problem {
    pub message: String,
    pub offset: usize,
    /// What it was reading, and where that began.
    pub context: Option<(String, usize)>,
}

/// The events of one text.
pub(super) struct Events<'a> {
    // Boxed, because libyaml keeps a pointer from the parser to itself.
    parser: Box<sys::yaml_parser_t>,
    text: PhantomData<&'a str>,
}

impl<'a> Events<'a> {
    /// Starts reading `text` as UTF-8, as Psych does: a byte order mark is a character like others.
    pub fn new(text: &'a str) -> Self {
        let mut parser = Box::new(MaybeUninit::<sys::yaml_parser_t>::zeroed());
        // SAFETY: the pointer is to memory of the right size and alignment, which the call initializes completely.
        let initialized = unsafe { sys::yaml_parser_initialize(parser.as_mut_ptr()) };
        assert!(initialized.ok, "libyaml's parser only fails to start without memory");
        // SAFETY: initialized above; the box keeps its address, so pointers into it stay valid.
        let mut parser = unsafe { parser.assume_init() };
        // SAFETY: the parser is initialized and has no input yet; `'a` keeps the text alive and unchanged as long as `self`.
        unsafe {
            sys::yaml_parser_set_encoding(&raw mut *parser, sys::YAML_UTF8_ENCODING);
            sys::yaml_parser_set_input_string(&raw mut *parser, text.as_ptr(), text.len() as u64);
        }
        Self { parser, text: PhantomData }
    }

    /// The next event; after the stream's end only that again.
    pub fn next_event(&mut self) -> Result<Event, Problem> {
        let mut event = MaybeUninit::<sys::yaml_event_t>::zeroed();
        // SAFETY: the parser is initialized and has its input; the call writes the event or, on failure, zeroes it.
        let parsed = unsafe { sys::yaml_parser_parse(&raw mut *self.parser, event.as_mut_ptr()) };
        if !parsed.ok {
            return Err(self.problem());
        }
        // SAFETY: zeroed memory is a valid event without data, and the successful call filled it in.
        let event = OwnedEvent(unsafe { event.assume_init() });
        Ok(Event { kind: event.kind(), range: offset(event.0.start_mark)..offset(event.0.end_mark) })
    }

    fn problem(&self) -> Problem {
        let parser = &*self.parser;
        // SAFETY: libyaml sets both to static, NUL-terminated texts or leaves them null.
        let (problem, context) = unsafe { (c_text(parser.problem.cast()), c_text(parser.context.cast())) };
        let at = match parser.error {
            sys::YAML_READER_ERROR => usize::try_from(parser.problem_offset).unwrap_or(usize::MAX),
            _ => offset(parser.problem_mark),
        };
        Problem {
            message: problem.map_or_else(|| "not YAML".to_owned(), Cow::into_owned),
            offset: at,
            context: context.map(|text| (text.into_owned(), offset(parser.context_mark))),
        }
    }
}

/// How many events libyaml reads in `text`, up to its first mistake: the least that reading YAML costs, to measure the rest against.
#[must_use]
pub fn scan(text: &str) -> usize {
    let mut events = Events::new(text);
    let ended = |event: &Event| matches!(event.kind, EventKind::StreamEnd);
    std::iter::from_fn(|| events.next_event().ok().filter(|event| !ended(event))).count()
}

impl Drop for Events<'_> {
    fn drop(&mut self) {
        // SAFETY: initialized in `new`, deleted once.
        unsafe { sys::yaml_parser_delete(&raw mut *self.parser) }
    }
}

/// An event whose memory libyaml allocated.
struct OwnedEvent(sys::yaml_event_t);

impl OwnedEvent {
    fn kind(&self) -> EventKind {
        let data = &self.0.data;
        match self.0.type_ {
            sys::YAML_STREAM_START_EVENT => EventKind::StreamStart,
            sys::YAML_DOCUMENT_START_EVENT => EventKind::DocumentStart,
            sys::YAML_DOCUMENT_END_EVENT => EventKind::DocumentEnd,
            sys::YAML_SEQUENCE_END_EVENT => EventKind::SequenceEnd,
            sys::YAML_MAPPING_END_EVENT => EventKind::MappingEnd,
            sys::YAML_ALIAS_EVENT => {
                // SAFETY: `alias` is the union's field for this type; its anchor is NUL-terminated and lives as long as the event.
                let name = unsafe { c_text(data.alias.anchor) };
                EventKind::Alias { name: name.unwrap_or_default().into() }
            }
            sys::YAML_SCALAR_EVENT => {
                // SAFETY: `scalar` is the union's field for this type, its pointers live as long as the event, and libyaml
                // gives `length` initialized bytes at `value`, which is never null.
                let (properties, bytes, style, quoted) = unsafe {
                    let scalar = &data.scalar;
                    let length = usize::try_from(scalar.length).expect("a scalar fits in memory");
                    let bytes = std::slice::from_raw_parts(scalar.value, length);
                    (properties(scalar.anchor, scalar.tag), bytes, scalar.style, scalar.quoted_implicit)
                };
                let style = match style {
                    sys::YAML_SINGLE_QUOTED_SCALAR_STYLE => ScalarStyle::SingleQuoted,
                    sys::YAML_DOUBLE_QUOTED_SCALAR_STYLE => ScalarStyle::DoubleQuoted,
                    sys::YAML_LITERAL_SCALAR_STYLE => ScalarStyle::Literal,
                    sys::YAML_FOLDED_SCALAR_STYLE => ScalarStyle::Folded,
                    _ => ScalarStyle::Plain,
                };
                EventKind::Scalar(ScalarEvent { properties, text: String::from_utf8_lossy(bytes).into(), style, quoted })
            }
            sys::YAML_SEQUENCE_START_EVENT => {
                // SAFETY: `sequence_start` is the union's field for this type, and its pointers live as long as the event.
                let (properties, style) =
                    unsafe { (properties(data.sequence_start.anchor, data.sequence_start.tag), data.sequence_start.style) };
                EventKind::SequenceStart { properties, flow: style == sys::YAML_FLOW_SEQUENCE_STYLE }
            }
            sys::YAML_MAPPING_START_EVENT => {
                // SAFETY: `mapping_start` is the union's field for this type, and its pointers live as long as the event.
                let (properties, style) =
                    unsafe { (properties(data.mapping_start.anchor, data.mapping_start.tag), data.mapping_start.style) };
                EventKind::MappingStart { properties, flow: style == sys::YAML_FLOW_MAPPING_STYLE }
            }
            // libyaml answers "no event" when it is asked beyond the stream's end.
            _ => EventKind::StreamEnd,
        }
    }
}

impl Drop for OwnedEvent {
    fn drop(&mut self) {
        // SAFETY: the event was filled in by libyaml and is deleted once.
        unsafe { sys::yaml_event_delete(&raw mut self.0) }
    }
}

/// # Safety
/// Both pointers must be null or point to NUL-terminated text that is alive.
unsafe fn properties(anchor: *const u8, tag: *const u8) -> Properties {
    // SAFETY: by this function's own condition.
    let (anchor, tag) = unsafe { (c_text(anchor), c_text(tag)) };
    Properties { anchor: anchor.map(Into::into), tag: tag.map(Into::into) }
}

/// # Safety
/// The pointer must be null or point to NUL-terminated text that lives for `'t`.
unsafe fn c_text<'t>(pointer: *const u8) -> Option<Cow<'t, str>> {
    // SAFETY: by this function's own condition.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer.cast()) }.to_string_lossy())
}

fn offset(mark: sys::yaml_mark_t) -> usize {
    usize::try_from(mark.index).expect("an offset within a text fits in memory")
}
