//! Rules about programs that a job needs and how it gets them.

pub mod tool_missing_in_image;
