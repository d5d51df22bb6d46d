use super::{Arg, Op, Operation, Role, Slot, Tool, Unknown, operation};
