//! Rules about programs that a job needs and how it gets them.

pub mod tool_missing_in_image;

pub(in crate::lint::rules) use tool_missing_in_image::ends_for_lack_of;
