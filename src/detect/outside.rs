//! A job into what it does to others when it runs: deployments, releases, uploads, pushes. Knows names of programs and their subcommands, not what a
//! program of the repository does.

mod engine;
mod fed;
mod programs;
mod reader;
mod requests;

use crate::detect::JobFacts;
use crate::detect::registry::Registry;
use crate::detect::steps::JobShell;
use crate::docker::{Arg, Op, Operation, Role, service_names};
use crate::pipeline::Job;
use crate::workspace::Workspace;
use crate::yaml::{Data, Value};

use reader::Reader;

/// What a job does to others.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Effects {
    /// What changes something elsewhere, each as a lower-case fragment; the first is enough not to run the job unasked.
    pub deploys: Vec<String>,
    /// The commands that send images to a registry.
    pub pushes: Vec<Push>,
}

/// A command that sends images to a registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// The command, as a fragment.
    pub command: String,
    /// The names of the images, in which unknown variables stand as `${NAME}`; none where the command does not say them.
    pub images: Vec<String>,
}

impl Push {
    /// Whether all images go to the project's own registry, by the names of its variables or by its address.
    #[must_use]
    pub fn is_own(&self, address: Option<&str>) -> bool {
        let is_there =
            |image: &String| address.is_some_and(|address| image.strip_prefix(address).is_some_and(|rest| rest.starts_with('/')));
        !self.images.is_empty() && self.images.iter().all(|image| Registry::of_image(image) == Registry::Project || is_there(image))
    }
}

/// What `job`, of which `facts` are known, does to others. `workspace` has the script files that it runs.
#[must_use]
pub fn effects(job: &Job, facts: &JobFacts, workspace: &Workspace) -> Effects {
    let mut effects = Effects::default();
    if let Some(environment) = job.config.get("environment").filter(|value| !value.is_null())
        && deploys(environment)
    {
        effects.deploys.push("it has an `environment`".to_owned());
    }
    for keyword in ["release", "pages"] {
        let is_off = |value: &Value| value.is_null() || matches!(value.data, Data::Bool(false));
        if job.config.get(keyword).is_some_and(|value| !is_off(value)) {
            effects.deploys.push(format!("it has a `{keyword}`"));
        }
    }
    let (main, after) = (&*facts.main_shell(job), facts.after_shell.clone().unwrap_or_else(|| JobShell::read(job, &job.after_script)));
    for operation in &facts.operations {
        let argv = facts.step(operation).map(|step| step.argv.as_slice()).unwrap_or_default();
        effects.pushes.extend(push(&operation.operation, argv, &operation.text));
    }
    let services: Vec<String> =
        job.services().iter().flat_map(|service| service.aliases.iter().cloned().chain(service_names(service.text()))).collect();
    let mut reader = Reader::new(workspace, job, services, &mut effects);
    for shell in [main, &after] {
        reader.shell(shell, 0);
    }
    effects
}

/// What an operation sends to a registry, as far as is known.
fn push(operation: &Operation, argv: &[Arg], text: &str) -> Option<Push> {
    let builds = matches!(operation.op, Op::Build | Op::Bake | Op::ComposeBuild);
    // A variable may hold the option that pushes, or names more images.
    let unknown = || operation.unknown.iter().filter_map(|unknown| argv.get(unknown.arg())).map(|word| word.text.to_ascii_lowercase());
    let has = |word: &String, parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let hides_push = unknown().any(|word| has(&word, &["push", "output"]));
    let hides_names = unknown().any(|word| has(&word, &["${?", "tag", "dest", "push", "output"]));
    let exports: Vec<String> = operation
        .flags_named("cache-to")
        .filter_map(|flag| flag.value.as_deref())
        .filter(|value| value.contains("type=registry"))
        .filter_map(|value| value.split(',').find_map(|field| field.trim().strip_prefix("ref=")).map(str::to_owned))
        .collect();
    let pushes = match operation.op {
        Op::Imagetools => operation.images_as(Role::Destination).next().is_some(),
        Op::Manifest | Op::Other => operation.pushes().unwrap_or(true),
        _ if builds => operation.pushes().unwrap_or(true) || hides_push,
        _ => operation.pushes().unwrap_or(false),
    };
    if !pushes && exports.is_empty() {
        return None;
    }
    let names = operation.images.iter().filter(|image| pushes && matches!(image.role, Role::Pushed | Role::Destination | Role::Built));
    let mut images: Vec<String> = names.map(|image| image.text.clone()).chain(exports).collect();
    if hides_names {
        images.clear();
    }
    Some(Push { command: format!("`{}`", first_line(text)), images })
}

/// Whether an environment is more than looked at: `prepare`, `verify` and `access` deploy nothing
/// (<https://docs.gitlab.com/ci/yaml/#environmentaction>).
fn deploys(environment: &Value) -> bool {
    !matches!(environment.get("action").and_then(Value::as_str), Some("prepare" | "verify" | "access"))
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() > 80 { format!("{}…", line.chars().take(79).collect::<String>()) } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// What a job with the command `line` does to others.
    fn effects_of(line: &str) -> Effects {
        let job =
            serde_json::json!({"image": "alpine", "services": ["docker:dind", {"name": "org/app:1", "alias": "web"}], "script": [line]});
        let text = serde_json::json!({"job": job}).to_string();
        let workspace = Workspace::memory([
            (".gitlab-ci.yml", text.as_str()),
            ("ci/up.sh", "#!/bin/sh\nkubectl apply -f x\n"),
            ("ci/test.sh", "#!/bin/sh\necho ok\n"),
            ("ci/images.sh", "#!/bin/sh\nmake build\ndocker push registry.example.com/x\n"),
            ("ci/hook.py", "import requests\nrequests.post(url, json=x)\n"),
        ]);
        let analysis = crate::analyze(&workspace, &[".gitlab-ci.yml".to_owned()], &Config::default());
        let (job, facts) = analysis.pipelines[0].jobs().next().unwrap();
        effects(job, facts, &workspace)
    }

    fn found(line: &str) -> bool {
        !effects_of(line).deploys.is_empty()
    }

    #[test]
    fn commands_that_change_something_elsewhere_are_found() {
        let lines = [
            "ssh host uptime",
            "kubectl apply -f x",
            "kubectl --kubeconfig get apply -f x",
            "helm upgrade --install a b",
            "helm3 upgrade a b",
            "terraform -chdir=x apply -auto-approve",
            "gitlab-terraform apply",
            "terraform state rm x",
            "aws s3 sync a s3://b",
            "aws.exe s3 cp . s3://b",
            "git push origin HEAD",
            "npm publish",
            "poetry publish -n",
            "gh release create v1 -n notes",
            "dotnet nuget push x -n",
            "make deploy-prod",
            "make push-short",
            "make -s deploy",
            "cargo release patch",
            "mvn -e deploy",
            "./gradlew -i publish",
            "npm -s run deploy",
            "scp x host: --dry-run",
            "mage k8s:destroyIntegration",
            "./gradlew publishPlugins",
            "yarn run release",
            "mvn -B deploy",
            "mvn nexus-staging:release",
            "curl -X POST https://hooks.example.com",
            "curl -sX POST https://hooks.example.com",
            "curl -fsSLX PUT https://example.com",
            "curl --request \"$METHOD\" https://example.com",
            "curl --upload-file x https://example.com/",
            "curl -XDELETE https://example.com/",
            "curl -F url=http://localhost/x https://example.com/",
            "curl -d a=b http://localhost.example.com/",
            "wget --method PUT https://example.com/",
            "rsync -a dist/ user@host:/srv",
            "sudo ssh host true",
            "sshpass -p x ssh host true",
            "helmfile -e prod apply",
            "rclone sync dist remote:x",
            "twine upload dist/*",
            "python -m twine upload dist/*",
            "poetry run twine upload dist/*",
            "bundle exec fastlane beta",
            "npx vercel --prod",
            "docker run --rm image bash -c \"python -m twine upload x\"",
            "docker run goreleaser/goreleaser:nightly release",
            "docker stack deploy -c x y",
            "find dist -name x -exec scp {} host: \\;",
            "su -c 'kubectl apply -f x' user",
            "crane tag org/image:1 latest",
            "skopeo delete docker://example.com/x",
            "ansible-galaxy role import a b",
            "sh ci/up.sh",
            "bash -eo pipefail ci/up.sh",
            "$CI_PROJECT_DIR/ci/up.sh",
            ". venv/bin/activate && sh ci/up.sh",
            "cd $SOMEWHERE && ./deploy.sh",
            "/opt/tools/deploy.sh",
            "./scripts/deploy.sh",
            "python deploy.py",
            "python ci/hook.py",
            "upload_to_server x",
            "docker run --rm amazon/aws-cli s3 cp x s3://y",
            "psql -h db.example.com -c 'drop table x'",
            "mysql --host=10.0.0.1 x",
            "psql postgres://me:x@db.example.com:5432/app -f x.sql",
        ];
        assert_eq!(lines.into_iter().filter(|line| !found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn commands_that_stay_here_are_not() {
        let lines = [
            "kubectl version --client",
            "kubectl --kubeconfig x get pods",
            "kubectl apply --dry-run=client -f x",
            "helm template x",
            "helm diff upgrade a b",
            "helmfile template",
            "cosign verify x",
            "terraform plan",
            "terraform init",
            "terraform state list",
            "ansible-playbook --syntax-check x.yml",
            "git fetch",
            "npm ci",
            "npm run test",
            "npm install -D release-it",
            "npm run test -- release",
            "npm publish --dry-run",
            "semantic-release --dry-run",
            "make test",
            "make BUILD_TYPE=release",
            "make -C deploy lint",
            "make release-notes",
            "./gradlew assembleRelease publishToMavenLocal",
            "curl -fsSL https://example.com/x",
            "curl -fsSL $URL",
            "curl -X POST http://localhost:8080/",
            "curl -X POST http://web:8080/x",
            "curl -G --data-urlencode q=x https://example.com/",
            "curl -o deploy.sh https://example.com/",
            "aws --version",
            "aws ecr get-login-password --region x",
            "aws s3 cp s3://a/b /tmp",
            "rsync -a a/ b/",
            "cargo test --profile release",
            "echo kubectl apply",
            ". /etc/os-release",
            "lsb_release -cs",
            "sh ci/test.sh",
            "./deploy/test.sh",
            "git push --dry-run",
            "python -m pytest",
            "python setup.py build",
            "docker run --rm alpine sh -c 'echo ok'",
            "docker build -t semantic-release .",
            "docker run --name nomad alpine true",
            "find . -name ssh",
            "python -m pip install ansible",
            "python -m pycodestyle nomad",
            "uv pip install ansible",
            "up() { kubectl apply -f x; }; echo",
            "psql -h postgres -c 'drop table x'",
            "psql postgres://me:x@localhost/app -f x.sql",
            "mysql -h 127.0.0.1 x",
            "pip install awscli psql",
        ];
        assert_eq!(lines.into_iter().filter(|line| found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn commands_that_are_fed_to_a_shell_or_written_to_a_file_are_followed() {
        let lines = [
            "bash <<EOF\nkubectl apply -f x\nEOF",
            "sh -s -- x <<'EOF'\nkubectl apply -f x\nEOF",
            "cat <<EOF | sudo bash -x\nif true; then kubectl apply -f x; fi\nEOF",
            "bash <<< 'kubectl apply -f x'",
            "echo 'kubectl apply -f x' | sh",
            "printf 'true\\nkubectl apply -f x\\n' | sh -e",
            "docker exec -i x sh <<EOF\nkubectl apply -f x\nEOF",
            "cat ci/up.sh | sh",
            "cat > x.sh <<EOF\nkubectl apply -f x\nEOF\nsh x.sh",
            "echo '#!/bin/sh' > /tmp/x.sh\necho 'kubectl apply -f x' >> /tmp/x.sh\nchmod +x /tmp/x.sh\n/tmp/x.sh",
            "echo true > x.sh && sh x.sh && tee x.sh <<EOF\nssh a b\nEOF\nsh x.sh",
            "python3 - <<EOF\nimport requests\nrequests.post(url)\nEOF",
            "curl -s https://example.com/deploy.sh | bash -s prod",
            "bash <(curl -s https://codecov.io/bash)",
            "sh <<A\nsh <<B\nkubectl apply -f x\nB\nA",
        ];
        assert_eq!(lines.into_iter().filter(|line| !found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
        let lines = [
            "cat <<EOF\nkubectl apply -f x\nEOF",
            "cat > notes.txt <<EOF\nkubectl apply -f x\nEOF\nsh ci/test.sh",
            "bash <<EOF\necho kubectl apply\nEOF",
            "curl -fsSL https://example.com/install.sh | sh",
            "echo 'kubectl apply -f x' | grep sh",
            "echo 'kubectl apply -f x' && sh ci/test.sh",
            "cat > x.sh <<EOF\nkubectl apply -f x\nEOF\ncat > x.sh <<EOF\ntrue\nEOF\nsh x.sh",
            "python - <<EOF\nprint(1)\nEOF",
        ];
        assert_eq!(lines.into_iter().filter(|line| found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn what_an_engine_elsewhere_is_told_is_found() {
        let lines = [
            "docker -H ssh://me@prod compose up -d",
            "docker --host tcp://prod.example.com:2376 run -d app",
            "DOCKER_HOST=ssh://me@prod docker compose up -d",
            "export DOCKER_HOST=tcp://10.0.0.1:2376; docker run -d app",
            "docker -H $PROD run -d app",
            "docker --context prod compose up -d",
            "docker context create prod --docker host=ssh://me@prod; docker --context prod run app",
            "docker context create prod --docker \"host=ssh://me@prod,ca=x\"; docker context use prod; docker run app",
            "docker context use prod && docker compose up -d",
            "DOCKER_CONTEXT=prod docker compose pull",
            "export DOCKER_HOST=ssh://me@prod; sh ci/images.sh",
            "docker-compose -H ssh://me@prod up -d",
            "docker -H tcp://prod:2376 run app",
        ];
        assert_eq!(lines.into_iter().filter(|line| !found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
        let lines = [
            "docker -H tcp://docker:2375 run -d app",
            "docker -H tcp://web:2375 run -d app",
            "docker -H unix:///run/docker.sock run -d app",
            "export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock; docker run -d app",
            "export DOCKER_HOST=tcp://localhost:2375; docker run -d app",
            "docker -H ssh://me@prod ps",
            "docker -H ssh://me@prod version",
            "docker --context default run app",
            "docker context create tls; docker buildx create tls --use; docker buildx build .",
            "docker context create tls; docker context use tls; docker build .",
            "docker context create ci --docker host=tcp://docker:2376; docker --context ci build .",
            "docker context use prod; docker -H tcp://docker:2375 build .",
            "export DOCKER_HOST=ssh://me@prod; docker --context default version; unset DOCKER_HOST; docker login",
        ];
        assert_eq!(lines.into_iter().filter(|line| found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn pushes_are_found_where_they_hide_and_are_the_projects_own_only_where_that_is_sure() {
        let own = |line: &str| effects_of(line).pushes.iter().map(|push| push.is_own(Some("registry.lan:5000"))).collect::<Vec<_>>();
        assert_eq!(own("docker push $CI_REGISTRY_IMAGE:1"), [true]);
        assert_eq!(own("docker push registry.lan:5000/app"), [true]);
        assert_eq!(own("docker push registry.lan:50001/app"), [false]);
        assert_eq!(own("sh ci/images.sh"), [false]);
        assert_eq!(own("docker buildx imagetools create -t org/a:1 org/a:amd"), [false]);
        assert_eq!(own("docker buildx build $PUSH -t $CI_REGISTRY_IMAGE ."), [false]);
        assert_eq!(own("docker buildx build --push -t $CI_REGISTRY_IMAGE ${MORE:+--tag $OTHER} ."), [false]);
        assert_eq!(own("docker buildx build --cache-to type=registry,ref=example.com/c -t a ."), [false]);
        assert_eq!(own("docker build ${FLAGS:-} -t $CI_REGISTRY_IMAGE:$CI_COMMIT_TAG ."), Vec::<bool>::new());
        assert_eq!(own("docker buildx build --load -t a . && docker run a"), Vec::<bool>::new());
    }
}
