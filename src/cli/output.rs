//! Where results and messages go: standard output or a file, standard error, with colours or without.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use crate::cli::args::{Colour, Global};
use crate::cli::failure::Failure;

/// The streams of one command.
pub struct Output {
    colour: Colour,
    verbose: bool,
    quiet: bool,
}

impl Output {
    /// The streams as the options ask for them.
    pub fn new(global: &Global) -> Self {
        Self { colour: global.color, verbose: global.verbose, quiet: global.quiet }
    }

    /// Whether standard output gets colours.
    pub fn colours_stdout(&self) -> bool {
        self.colours(std::io::stdout().is_terminal())
    }

    /// Whether standard error gets colours.
    pub fn colours_stderr(&self) -> bool {
        self.colours(std::io::stderr().is_terminal())
    }

    /// `--color` counts most, then `NO_COLOR` (<https://no-color.org>), then whether somebody looks.
    fn colours(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Writes the command's result to `file`, or to standard output. A reader who stops reading is no error.
    pub fn result(&self, file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(path) = file {
            return write_result_file(path, bytes).map_err(|error| Failure::at(path, format!("the result can't be written: {error}")));
        }
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(format!("standard output can't be written: {error}"))),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Says something on standard error that `--quiet` silences.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            write_stderr(text);
        }
    }

    /// Says on standard error why the command ends.
    pub fn failure(&self, failure: &Failure) {
        write_stderr(failure.text(self.colours_stderr()).trim_end());
    }

    /// With `--verbose`, says on standard error how much memory the process took at most, where the system tells.
    pub fn peak_memory(&self) {
        let status = if self.verbose { std::fs::read_to_string("/proc/self/status").unwrap_or_default() } else { String::new() };
        if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            write_stderr(&format!("peak memory: {}", peak.trim()));
        }
    }

    /// Runs one stage, and with `--verbose` says on standard error how long it took.
    pub fn timed<T>(&self, stage: &str, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = run();
        if self.verbose {
            write_stderr(&format!("{stage}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0));
        }
        value
    }
}

/// Nobody is left to tell when standard error is closed.
fn write_stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", text.trim_end_matches('\n'));
}

/// A reader of `path` sees the old file or the whole new one. What is not a regular file (`/dev/stdout`, a pipe) is written to directly.
fn write_result_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) || path.is_symlink() {
        return std::fs::write(path, bytes);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The name of the staged file is nothing that the user knows.
    let mut file = new_file(folder).map_err(|error| std::io::Error::from(error.kind()))?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    // As any program's output: readable for all that the umask lets read, not private as temporary files are.
    tempfile::Builder::new().prefix(".undind-").permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".undind-").tempfile_in(folder)
}
