//! The image of a service into the names that a job reaches it by. Knows no aliases.

/// The host names that the runner derives from a service's image: without tag, digest and registry port, `/` as `__`, and as `-`
/// (gitlab-runner, `helpers/container/services/services.go`).
#[must_use]
pub fn service_names(image: &str) -> Vec<String> {
    let name = image.split('@').next().unwrap_or(image);
    let (path, last) = name.rsplit_once('/').map_or(("", name), |(path, last)| (path, last));
    let last = last.split(':').next().unwrap_or(last);
    let host = path.split('/').next().unwrap_or(path);
    let host_without_port = host.split(':').next().unwrap_or(host);
    let rest = path.strip_prefix(host).unwrap_or_default();
    let joined = if path.is_empty() { last.to_owned() } else { format!("{host_without_port}{rest}/{last}") };
    let mut names = vec![joined.replace('/', "__")];
    let dashed = joined.replace('/', "-");
    if !names.contains(&dashed) {
        names.push(dashed);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::service_names;

    #[test]
    fn a_service_answers_to_its_path_with_underscores_and_with_dashes() {
        assert_eq!(service_names("docker:28.5.1-dind"), ["docker"]);
        assert_eq!(service_names("docker.io/library/docker:dind"), ["docker.io__library__docker", "docker.io-library-docker"]);
        assert_eq!(
            service_names("registry.example.com:4999/infra/docker:dind@sha256:00"),
            ["registry.example.com__infra__docker", "registry.example.com-infra-docker"]
        );
    }
}
