//! Where the engine is that the docker command line would talk to: `DOCKER_HOST`, or the context that `DOCKER_CONTEXT` or the user's configuration names, or the
//! local socket (<https://docs.docker.com/engine/manage-resources/contexts/>). Knows files, and talks to nobody.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::checksum::sha256;
use crate::run::live::executor::Fault;

/// How large a file of the configuration may be, in bytes.
const LIMIT: u64 = 1 << 20;

/// An engine's address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// `unix://PATH`, `tcp://HOST:PORT`, `ssh://USER@HOST`; none for the local socket.
    pub host: Option<String>,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, where the engine wants TLS.
    pub tls: Option<PathBuf>,
    /// The context that says so.
    context: Option<String>,
}

impl Address {
    /// What the variables say that `variable` gives, none of which is empty.
    ///
    /// # Errors
    /// [`Fault`] where a context is named that is not there, or that says no address.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Fault> {
        let folder = variable("DOCKER_CONFIG").or_else(|| Some(format!("{}/.docker", variable("HOME")?))).map(PathBuf::from);
        if let Some(host) = variable("DOCKER_HOST") {
            let wants = variable("DOCKER_TLS_VERIFY").is_some() || variable("DOCKER_TLS").is_some();
            let tls = wants.then(|| variable("DOCKER_CERT_PATH").map(PathBuf::from).or(folder)).flatten();
            if wants && tls.is_none() {
                return Err(Fault(format!(
                    "the Docker engine at {host} wants certificates, and `DOCKER_CERT_PATH` does not say where they are"
                )));
            }
            return Ok(Self { host: Some(host), tls, context: None });
        }
        // Without a home there is no configuration.
        let Some(folder) = folder else { return Ok(Self { host: None, tls: None, context: None }) };
        let configured = || Some(json(&folder.join("config.json"))?.get("currentContext")?.as_str()?.to_owned());
        match variable("DOCKER_CONTEXT").or_else(configured).filter(|name| !name.is_empty() && name != "default") {
            Some(name) => Self::in_context(&folder.join("contexts"), name),
            None => Ok(Self { host: None, tls: None, context: None }),
        }
    }

    /// What a context says. Its folders have the SHA-256 of its name for a name.
    fn in_context(contexts: &Path, name: String) -> Result<Self, Fault> {
        let id = sha256(&name);
        let file = contexts.join("meta").join(&id).join("meta.json");
        let meta = json(&file)
            .ok_or_else(|| Fault(format!("the Docker context `{name}` is not there; `docker context ls` lists those that are")))?;
        let endpoint = &meta["Endpoints"]["docker"];
        let host = endpoint["Host"].as_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Fault(format!("the Docker context `{name}` says no address of an engine")))?.to_owned();
        let certificates = contexts.join("tls").join(&id).join("docker");
        let has = |file: &str| certificates.join(file).is_file();
        let given = ["ca.pem", "cert.pem", "key.pem"].into_iter().filter(|file| has(file)).count();
        if endpoint["SkipTLSVerify"] == true || given == 1 || given == 2 {
            let message = format!(
                "the Docker context `{name}` has no authority, certificate and key of its own (`ca`, `cert`, `key`), or does not verify the engine; both are needed here"
            );
            return Err(Fault(message));
        }
        Ok(Self { host: Some(host), tls: (given == 3).then_some(certificates), context: Some(name) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, &self.context) {
            (Some(host), Some(context)) => write!(out, "{host} (the context `{context}`)"),
            (Some(host), None) => out.write_str(host),
            (None, _) => out.write_str("the local socket"),
        }
    }
}

/// A file of the configuration; none where it is not there or not JSON.
fn json(path: &Path) -> Option<Json> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > LIMIT {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docker context create far --docker "host=tcp://far.example.com:2376,ca=…"` makes.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let contexts = home.path().join(".docker/contexts");
        let id = "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868";
        std::fs::create_dir_all(contexts.join("meta").join(id)).unwrap();
        let certificates = contexts.join("tls").join(id).join("docker");
        std::fs::create_dir_all(&certificates).unwrap();
        ["ca.pem", "cert.pem", "key.pem"].iter().for_each(|file| std::fs::write(certificates.join(file), "").unwrap());
        let meta = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far.example.com:2376","SkipTLSVerify":false}}}"#;
        std::fs::write(contexts.join("meta").join(id).join("meta.json"), meta).unwrap();
        home
    }

    fn address(home: &Path, variables: &[(&str, &str)]) -> Result<Address, Fault> {
        Address::of(&|name| match name {
            "HOME" => Some(home.to_str()?.to_owned()),
            _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        })
    }

    #[test]
    fn a_context_is_that_of_the_variable_or_of_the_configuration() {
        let home = home();
        let far = |address: &Address| {
            address.host.as_deref() == Some("tcp://far.example.com:2376")
                && address.tls.as_ref().is_some_and(|folder| folder.starts_with(home.path().join(".docker/contexts/tls")))
        };
        assert!(far(&address(home.path(), &[("DOCKER_CONTEXT", "far")]).unwrap()));
        assert_eq!(address(home.path(), &[]).unwrap().host, None);
        std::fs::write(home.path().join(".docker/config.json"), r#"{"currentContext": "far"}"#).unwrap();
        assert!(far(&address(home.path(), &[]).unwrap()));
        assert_eq!(address(home.path(), &[("DOCKER_CONTEXT", "default")]).unwrap().host, None);
        assert!(address(home.path(), &[("DOCKER_CONTEXT", "near")]).unwrap_err().0.contains("`near` is not there"));
        let tls = address(home.path(), &[]).unwrap().tls.unwrap();
        std::fs::remove_file(tls.join("key.pem")).unwrap();
        assert!(address(home.path(), &[]).unwrap_err().0.contains("`far` has no authority, certificate and key"));
    }

    #[test]
    fn docker_host_counts_more_than_any_context() {
        let home = home();
        let local = address(home.path(), &[("DOCKER_HOST", "tcp://127.0.0.1:2375"), ("DOCKER_CONTEXT", "far")]).unwrap();
        assert_eq!((local.host.as_deref(), local.tls), (Some("tcp://127.0.0.1:2375"), None));
        let verified = address(home.path(), &[("DOCKER_HOST", "tcp://127.0.0.1:2376"), ("DOCKER_TLS_VERIFY", "1")]).unwrap();
        assert_eq!(verified.tls, Some(home.path().join(".docker")));
    }
}
