//! What git tells of a repository, asked of the `git` command: the commit, the branch, the remote, which files changed. The one file that runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use undind::pipeline::context::{Facts, History};

/// A repository with at least one commit.
#[derive(Clone, Debug)]
pub struct Git {
    root: PathBuf,
}

impl Git {
    /// The repository whose root is `root`; none where there is no repository, no commit or no `git`.
    pub fn open(root: &Path) -> Option<Self> {
        let git = Self { root: root.to_owned() };
        (root.join(".git").exists() && git.line(&["rev-parse", "--verify", "--quiet", "HEAD"]).is_some()).then_some(git)
    }

    fn output(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let mut command = Command::new("git");
        // The user's configuration must not change what is printed, and nothing may ask or fetch.
        command
            .args(["--no-optional-locks", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-C"])
            .arg(&self.root)
            .args(arguments);
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1").env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn line(&self, arguments: &[&str]) -> Option<String> {
        let text = String::from_utf8(self.output(arguments)?).ok()?;
        Some(text.trim_end_matches('\n').to_owned()).filter(|line| !line.is_empty())
    }

    fn paths(&self, arguments: &[&str]) -> Option<Vec<String>> {
        let bytes = self.output(arguments)?;
        let paths = bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Some(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// The branch that is checked out.
    pub fn branch(&self) -> Option<String> {
        self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    /// The newest tag of the commit that is checked out.
    pub fn tag(&self) -> Option<String> {
        self.line(&["describe", "--tags", "--exact-match", "HEAD"])
    }

    /// The branch that the remote calls its default.
    pub fn default_branch(&self) -> Option<String> {
        let name = self.line(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
        Some(name.strip_prefix("origin/")?.to_owned())
    }

    /// The paths of all files that git knows, and of new ones that it doesn't ignore.
    pub fn files(&self) -> Option<Vec<String>> {
        self.paths(&["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
    }

    /// What is known of the project and the commit.
    pub fn facts(&self) -> Facts {
        let remote = self.line(&["remote", "get-url", "origin"]);
        let (server, project) = remote.as_deref().and_then(remote_parts).unzip();
        Facts { default_branch: self.default_branch().map(Arc::from), project, server, variables: self.commit() }
    }

    fn commit(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let format = "--format=%H%x00%an <%ae>%x00%cI%x00%s%x00%b%x00%B";
        let Some(text) = self.line(&["log", "-1", format]) else { return BTreeMap::new() };
        let parts: Vec<&str> = text.split('\0').collect();
        let [sha, author, time, title, description, message] = parts[..] else { return BTreeMap::new() };
        [
            ("CI_COMMIT_SHA", sha),
            ("CI_COMMIT_SHORT_SHA", &sha[..sha.len().min(8)]),
            ("CI_COMMIT_AUTHOR", author),
            ("CI_COMMIT_TIMESTAMP", time),
            ("CI_COMMIT_TITLE", title),
            ("CI_COMMIT_DESCRIPTION", description.trim_end()),
            ("CI_COMMIT_MESSAGE", message.trim_end()),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
    }

    fn changed_between(&self, from: &str, to: &str) -> Option<Vec<String>> {
        self.paths(&["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", from, to, "--"])
    }

    fn merge_base(&self, reference: &str) -> Option<String> {
        let local = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        let names = [reference.to_owned(), format!("refs/remotes/origin/{local}")];
        names.iter().filter(|name| !name.starts_with('-')).find_map(|name| self.line(&["merge-base", name, "HEAD"]))
    }
}

/// The host and the path of a remote's address: `https://host/group/project.git`, `ssh://git@host:22/…`, `git@host:group/project`.
fn remote_parts(address: &str) -> Option<(Arc<str>, Arc<str>)> {
    let (host, path) = match address.split_once("://") {
        Some(("http" | "https" | "ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => address.split_once(':').filter(|(host, _)| !host.contains('/'))?,
    };
    let host = host.rsplit('@').next()?.split(':').next()?;
    let path = path.trim_matches('/').trim_end_matches(".git");
    (!host.is_empty() && path.contains('/')).then(|| (host.into(), path.into()))
}

/// What a push or a merge request changes, as far as git knows.
pub struct GitHistory {
    /// The repository.
    pub git: Git,
    /// The branch that a merge request goes to; none for a push.
    pub target: Option<String>,
}

impl History for GitHistory {
    /// For a merge request what changed since it left its target; for a push what the last commit changed.
    fn changed(&self) -> Option<Vec<String>> {
        let from = match &self.target {
            Some(target) => self.git.merge_base(target)?,
            None => self.git.line(&["rev-parse", "--verify", "--quiet", "HEAD~1"])?,
        };
        self.git.changed_between(&from, "HEAD")
    }

    fn changed_since(&self, reference: &str) -> Option<Vec<String>> {
        self.git.changed_between(&self.git.merge_base(reference)?, "HEAD")
    }
}

#[cfg(test)]
mod tests {
    use super::remote_parts;

    #[test]
    fn the_project_is_read_from_the_remote() {
        for (address, expected) in [
            ("https://gitlab.example/a/b/c.git", Some(("gitlab.example", "a/b/c"))),
            ("https://user:pass@gitlab.example:8443/a/b", Some(("gitlab.example", "a/b"))),
            ("git@gitlab.example:a/b.git", Some(("gitlab.example", "a/b"))),
            ("ssh://git@gitlab.example:2222/a/b.git", Some(("gitlab.example", "a/b"))),
            ("/srv/git/a.git", None),
            ("file:///srv/a/b", None),
        ] {
            let parts = remote_parts(address);
            assert_eq!(parts.as_ref().map(|(host, path)| (&**host, &**path)), expected, "{address}");
        }
    }
}
