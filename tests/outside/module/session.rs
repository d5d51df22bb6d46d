//! The session that answers the SDKs (`session.py`): one for all tests of the process, which ends with it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::language::own;
use super::tools;

/// The port of the session.
pub fn session() -> &'static str {
    // It ends with its standard input, which the child's handle holds open.
    static SESSION: OnceLock<(Child, String)> = OnceLock::new();
    let start = || {
        let mut child = Command::new(tools::python().expect("it is installed"))
            .args([own("session.py"), own("schema.graphqls")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut port).expect("the session tells its port");
        (child, port.trim().to_owned())
    };
    &SESSION.get_or_init(start).1
}
