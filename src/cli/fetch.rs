//! What a pipeline includes from elsewhere, read over the network into a folder: a loader for the workspace's mirror. The one file that talks to servers.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use undind::workspace::{LoadError, Loader, MAX_FILE_BYTES};

use crate::cli::disk::{DiskLoader, load_error, read_limited};
use crate::cli::failure::Failure;
use crate::cli::lock::Lock;

/// How long what may change on the server is taken as it was.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// How to read from servers.
pub struct Options {
    /// The folder that files are kept in.
    pub folder: PathBuf,
    /// The GitLab server: `https://HOST`.
    pub server: String,
    /// A header and its value that prove to the server who asks.
    pub token: Option<(&'static str, String)>,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// Reads from a folder what is there and fresh, and the rest from servers.
pub struct FetchLoader {
    options: Options,
    disk: DiskLoader,
    agent: ureq::Agent,
    lock: Mutex<Lock>,
}

/// What a path of the mirror stands for.
enum Source {
    /// A file of a project at a commit, branch, tag or version.
    Project { project: String, reference: String, file: String },
    /// A template of the server.
    Template(String),
    /// A file at an address.
    Remote(String),
}

impl FetchLoader {
    /// # Errors
    /// The folder can't be made, or its list of files can't be read.
    pub fn new(options: Options) -> Result<Self, Failure> {
        fs::create_dir_all(&options.folder).map_err(|error| Failure::at(&options.folder, error))?;
        let folder = options.folder.canonicalize().map_err(|error| Failure::at(&options.folder, error))?;
        let lock = Lock::read(&folder)?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(options.timeout))
            // A redirect may lead to a server that must not see the token: each is looked at here.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("undind/", env!("CARGO_PKG_VERSION")))
            .build();
        let disk = DiskLoader::new(folder.clone());
        Ok(Self { options: Options { folder, ..options }, disk, agent: config.into(), lock: Mutex::new(lock) })
    }

    /// What is there, unless it has to be asked for again.
    fn kept(&self, path: &str) -> Option<Result<Vec<u8>, LoadError>> {
        let bytes = match self.disk.read(path) {
            Err(LoadError::NotFound) => return None,
            Err(error) => return Some(Err(error)),
            Ok(bytes) => bytes,
        };
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody fetched was put there by hand, and stays.
        let Some(entry) = lock.entry(path) else { return Some(Ok(bytes)) };
        if !entry.holds(&bytes) {
            let message =
                "it was changed since it was fetched; remove it to fetch it again, or its entry in `undind-includes.json` to keep it";
            return Some(Err(LoadError::Refused(message.to_owned())));
        }
        let fresh = is_fixed(path) || now().saturating_sub(entry.fetched) < FRESH.as_secs();
        fresh.then_some(Ok(bytes))
    }

    fn fetch(&self, path: &str) -> Result<(String, Vec<u8>), LoadError> {
        let server = self.options.server.trim_end_matches('/');
        match source(path).ok_or(LoadError::NotFound)? {
            Source::Project { project, reference, file } => {
                let reference = self.version(&project, &reference)?;
                let (project, file, reference) = (encoded(&project), encoded(&file), encoded(&reference));
                let url = format!("{server}/api/v4/projects/{project}/repository/files/{file}/raw?ref={reference}");
                Ok((url.clone(), self.api(&url)?))
            }
            Source::Template(name) => {
                let key = encoded(name.trim_end_matches(".gitlab-ci.yml"));
                let url = format!("{server}/api/v4/templates/gitlab_ci_ymls/{key}");
                let answer = json(&self.api(&url)?)?;
                let content =
                    answer.get("content").and_then(Value::as_str).ok_or_else(|| refused("the server's answer holds no template"))?;
                Ok((url, content.as_bytes().to_vec()))
            }
            Source::Remote(address) => {
                let bytes = self.get(&address, None)?;
                Ok((address, bytes))
            }
        }
    }

    /// The tag that a version of a component stands for; everything else is a reference of git.
    fn version(&self, project: &str, version: &str) -> Result<String, LoadError> {
        let server = self.options.server.trim_end_matches('/');
        let project = encoded(project);
        let name = |release: &Value| release.get("tag_name").and_then(Value::as_str).map(str::to_owned);
        if version == "~latest" {
            let answer = json(&self.api(&format!("{server}/api/v4/projects/{project}/releases/permalink/latest"))?)?;
            return name(&answer).ok_or_else(|| refused("the project has no release"));
        }
        let parts: Vec<&str> = version.split('.').collect();
        if parts.len() > 2 || parts.iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(version.to_owned());
        }
        let answer = json(&self.api(&format!("{server}/api/v4/projects/{project}/releases?per_page=100"))?)?;
        let tags = answer.as_array().into_iter().flatten().filter_map(name);
        let numbers = |tag: &str| {
            tag.split('.').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>().filter(|numbers| numbers.len() == 3)
        };
        let matching = tags.filter(|tag| tag.starts_with(&format!("{version}.")) && numbers(tag).is_some());
        // A branch or a tag may be called so, too.
        Ok(matching.max_by_key(|tag| numbers(tag)).unwrap_or_else(|| version.to_owned()))
    }

    /// An answer of the server's API, which is told who asks.
    fn api(&self, url: &str) -> Result<Vec<u8>, LoadError> {
        let token = self.options.token.as_ref();
        if token.is_some() && url.starts_with("http://") && !is_loopback(host(url)) {
            return Err(refused(format!("the token is not sent to {} without encryption", host(url))));
        }
        self.get(url, token)
    }

    fn get(&self, url: &str, token: Option<&(&'static str, String)>) -> Result<Vec<u8>, LoadError> {
        let mut at = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.agent.get(&at);
            if let Some((header, token)) = token {
                request = request.header(*header, token);
            }
            let mut response = request.call().map_err(|error| self.unreachable(&at, &error))?;
            let status = response.status().as_u16();
            if (300..400).contains(&status) {
                let location = response.headers().get("location").and_then(|location| location.to_str().ok()).unwrap_or_default();
                at = redirected(&at, location, token.is_some())?;
                continue;
            }
            return match status {
                200 => response.body_mut().with_config().limit(MAX_FILE_BYTES).read_to_vec().map_err(|error| self.unreachable(&at, &error)),
                404 => Err(LoadError::NotFound),
                401 | 403 => Err(refused(self.not_allowed(&at, status))),
                _ => Err(refused(format!("{} answers with {status}", host(&at)))),
            };
        }
        Err(refused(format!("{} redirects more than {MAX_REDIRECTS} times", host(url))))
    }

    fn not_allowed(&self, url: &str, status: u16) -> String {
        let why = match &self.options.token {
            Some(("JOB-TOKEN", _)) => "`CI_JOB_TOKEN` may not read it: the other project has to allow this one",
            Some(_) => "the token in `GITLAB_TOKEN` may not read it",
            None => "set `GITLAB_TOKEN` to a token that may read it",
        };
        format!("{} answers with {status}: {why}", host(url))
    }

    fn unreachable(&self, url: &str, error: &ureq::Error) -> LoadError {
        let host = host(url);
        refused(match error {
            ureq::Error::Timeout(_) => format!("{host} did not answer within {} s", self.options.timeout.as_secs()),
            ureq::Error::BodyExceedsLimit(_) => format!("the answer of {host} has more than {MAX_FILE_BYTES} bytes"),
            other => format!("{host} can't be read: {other}"),
        })
    }

    /// Keeps what was fetched. That this fails is no reason not to use it.
    fn keep(&self, path: &str, url: &str, bytes: &[u8]) {
        let target = self.options.folder.join(path);
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if write(&target, bytes).is_ok() {
            lock.add(path, url, bytes, now());
            let _ = write(&Lock::path(&self.options.folder), lock.text().as_bytes());
        }
    }
}

impl Loader for FetchLoader {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if let Some(kept) = self.kept(path) {
            return kept;
        }
        let (url, bytes) = self.fetch(path)?;
        self.keep(path, &url, &bytes);
        Ok(bytes)
    }

    fn paths(&self) -> Vec<String> {
        self.disk.paths()
    }

    fn is_everything(&self) -> bool {
        true
    }
}

fn source(path: &str) -> Option<Source> {
    if let Some(rest) = path.strip_prefix("project/") {
        let (project, rest) = rest.split_once("/@")?;
        let (reference, file) = rest.split_once('/')?;
        let reference = reference.replace("%2F", "/");
        return Some(Source::Project { project: project.to_owned(), reference, file: file.to_owned() });
    }
    if let Some(name) = path.strip_prefix("template/") {
        return Some(Source::Template(name.to_owned()));
    }
    if let Some(rest) = path.strip_prefix("remote-http/") {
        return Some(Source::Remote(format!("http://{rest}")));
    }
    path.strip_prefix("remote/").map(|rest| Source::Remote(format!("https://{rest}")))
}

/// Whether what a path names never changes: a full commit, or a full version of a component.
fn is_fixed(path: &str) -> bool {
    let Some(Source::Project { reference, file, .. }) = source(path) else { return false };
    let is_commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_version = reference.split('.').count() == 3 && reference.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_commit || (is_version && file.starts_with("templates/"))
}

/// Where a redirect leads. With a token it may not leave the server.
fn redirected(from: &str, location: &str, with_token: bool) -> Result<String, LoadError> {
    let (scheme, rest) = from.split_once("://").unwrap_or(("https", from));
    let origin = format!("{scheme}://{}", rest.split('/').next().unwrap_or_default());
    let to = match location {
        _ if location.starts_with("https://") || location.starts_with("http://") => location.to_owned(),
        _ if location.starts_with('/') && !location.starts_with("//") => format!("{origin}{location}"),
        _ => return Err(refused(format!("{} redirects to nowhere", host(from)))),
    };
    if with_token && !to.starts_with(&format!("{origin}/")) {
        return Err(refused(format!("{} redirects to {}, which must not see the token", host(from), host(&to))));
    }
    if scheme == "https" && to.starts_with("http://") {
        return Err(refused(format!("{} redirects to {} without encryption", host(from), host(&to))));
    }
    Ok(to)
}

/// The host, with its port, for messages: nothing that may be secret.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "[::1]" || name.starts_with("127.")
}

/// A path segment in which everything but letters, digits and `-._~` is escaped.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn json(bytes: &[u8]) -> Result<Value, LoadError> {
    serde_json::from_slice(bytes).map_err(|_| refused("the server's answer is no JSON"))
}

fn refused(message: impl Into<String>) -> LoadError {
    LoadError::Refused(message.into())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Readers see the old file or the whole new one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), LoadError> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder)).and_then(|mut file| {
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error).map(drop)
    });
    written.map_err(|error| load_error(&error))
}

/// The text of the file at `path`; none where there is none.
pub fn text(path: &Path) -> Result<Option<String>, Failure> {
    match read_limited(path) {
        Err(LoadError::NotFound) => Ok(None),
        Err(error) => Err(Failure::at(path, error)),
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| Failure::at(path, "the file is not UTF-8 text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_mirror_names_its_source() {
        let Some(Source::Project { project, reference, file }) = source("project/a/b/@feature%2Fx/ci/a.yml") else { panic!("a project") };
        assert_eq!((project.as_str(), reference.as_str(), file.as_str()), ("a/b", "feature/x", "ci/a.yml"));
        assert!(matches!(source("remote/h/p"), Some(Source::Remote(url)) if url == "https://h/p"));
        assert!(source("elsewhere/x").is_none());
        assert_eq!(encoded("a/b c.yml"), "a%2Fb%20c.yml");
    }

    #[test]
    fn a_redirect_with_a_token_stays_on_its_server() {
        for (from, to, with_token, expected) in [
            ("https://h/a", "/b", true, Some("https://h/b")),
            ("https://h/a", "https://h/b", true, Some("https://h/b")),
            ("https://h/a", "https://h.evil/b", true, None),
            ("https://h/a", "https://other/b", true, None),
            ("https://h/a", "https://other/b", false, Some("https://other/b")),
            ("https://h/a", "http://h/b", false, None),
            ("https://h/a", "//other/b", true, None),
            ("https://h/a", "file:///etc/passwd", false, None),
        ] {
            assert_eq!(redirected(from, to, with_token).ok().as_deref(), expected, "{from} to {to}");
        }
    }

    #[test]
    fn only_commits_and_full_versions_never_change() {
        assert!(is_fixed(&format!("project/a/b/@{}/x.yml", "a1".repeat(20))));
        assert!(is_fixed("project/a/b/@1.2.3/templates/x.yml"));
        assert!(!is_fixed("project/a/b/@1.2/templates/x.yml") && !is_fixed("project/a/b/@main/x.yml") && !is_fixed("remote/h/x.yml"));
    }
}
