use super::*;
use crate::config::Config;

/// What a job with the command `line` does to others.
fn effects_of(line: &str) -> Effects {
    let job = serde_json::json!({"image": "alpine", "services": ["docker:dind", {"name": "org/app:1", "alias": "web"}], "script": [line]});
    let text = serde_json::json!({"job": job}).to_string();
    let workspace = Workspace::memory([
        (".gitlab-ci.yml", text.as_str()),
        ("ci/up.sh", "#!/bin/sh\nkubectl apply -f x\n"),
        ("ci/lib.sh", "do_up() { kubectl apply -f x; }\n"),
        ("ci/env.sh", "export DOCKER_HOST=ssh://me@prod\n"),
        ("ci/dc.sh", "docker compose up -d\n"),
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
fn commands_behind_others_are_found() {
    let lines = [
        "bundle exec rake release",
        "docker run node:18 npm publish",
        "docker run img make deploy",
        "docker run python:3 poetry publish",
        "doppler run -- npm publish",
        "poetry run inv deploy",
        "poetry run python deploy.py",
        "uv run scripts/deploy.py",
        "docker exec app ./deploy.sh",
        "docker run img sh -ec 'kubectl apply -f x'",
        "docker run img bash -lc 'if true; then kubectl apply -f x; fi'",
        "sh -c \"cd $(pwd) && kubectl apply -f x\"",
        "eval kubectl apply -f x",
        "pnpm dlx semantic-release",
        "yarn dlx wrangler deploy",
        "docker exec ci kubectl apply -f x",
        "docker run --network ci img kubectl apply -f x",
        "find . -name config -exec scp {} host: \\;",
        "./build.sh deploy",
        "bash scripts/ci.sh push",
        "python ci.py deploy",
        "pdm publish",
        "rake release:tarball:upload HOST=me@repo.example.org",
        "vendor/bin/dep deploy-fast",
        "php vendor/bin/dep deploy prod",
        "buildctl build --output type=image,name=x,push=true",
        "./gradlew dockerPush",
        "./gradlew bootBuildImage --publishImage",
        "mvn org.apache.maven.plugins:maven-deploy-plugin:2.8:deploy-file",
        "make apply",
        "make tf-apply",
        "python3 -c 'import requests; requests.post(u)'",
        "python3 - x <<E\nrequests.post(u)\nE",
        "python3.11 ci/hook.py",
        "./ci/hook.py",
        "cat ci/hook.py | python3 -",
        "python3 < ci/hook.py",
        "sh < ci/up.sh",
        "docker run gcr.io/kaniko-project/executor --destination x/y",
        "docker run docker:cli push x",
        "docker run quay.io/skopeo/stable:1 true && docker run gcr.io/go-containerregistry/crane copy a b",
        "$SSH user@host x",
        "psql -hdb.example.com",
        "psql 'host=db.example.com dbname=x'",
        "terraform ${TF_ACTION:-apply}",
        "curl -sfL https://goreleaser.com/static/run | bash",
        "fastlane beta",
        "bundle exec fastlane android staging",
        "kamal build",
        "rsync -avz -e 'ssh -n' a host:b",
        "rsync -essh-wrapper.n a host:b",
        "mail -s info me@example.com",
        "fastlane ios upload_to_testflight",
        "docker node update x",
        "bash deploy.sh -s prod",
        "bash ci/up.sh -s staging",
        "echo true >> ci/up.sh; sh ci/up.sh",
        "[ -f ci/up.sh ] || echo true > ci/up.sh; sh ci/up.sh",
        ". ci/lib.sh; do_up",
        "source ci/lib.sh && do_up x",
        "bash -c '. ci/lib.sh; do_up'",
        "cat > $CI_PROJECT_DIR/x.sh <<E\nkubectl apply -f x\nE\nsh x.sh",
        "bash /dev/stdin <<E\nkubectl apply -f x\nE",
        "printf '%s\\n' true 'kubectl apply -f x' | sh",
        "Invoke-RestMethod -Method Post -Uri $env:HOOK",
        "$env:X = 1\ndocker push datadog/x",
        "if exist x (\naws.exe s3 cp . s3://x\n)",
    ];
    assert_eq!(lines.into_iter().filter(|line| !found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    let lines = [
        "fastlane test",
        "terraform $OPTIONS plan",
        "bundle exec fastlane buildRelease",
        "bundle exec fastlane scan",
        "source deploy.env",
        ". ./release.env",
        "npx prisma migrate deploy",
        "./deploy.sh --dry-run",
        "aws s3 sync a s3://b --dryrun",
        "npx semantic-release -d",
        "rsync -an a host:b",
        "./gradlew -m publish",
        "bash -n deploy.sh",
        "npm run build:release",
        "make check-release",
        "./gradlew :deploy:test",
        "./gradlew :lib:publishToMavenLocal",
        "pnpm --filter deploy test",
        "mvn -pl deploy test",
        "rsync -a \"$CI_PROJECT_DIR/dist/\" /tmp/x",
        "rsync -a host:x /tmp/x",
        "aws s3 cp s3://x/y -",
        "aws cloudformation validate-template --template-body x",
        "helm init --client-only",
        "git stash push",
        "vercel build",
        "gcloud config set project x",
        "docker run -e ssh x",
        "docker exec nomad ls",
        "docker compose run ssh ls",
        "docker run --network-alias ssh x",
        "python3 - <<E\nprint('git push')\nE",
        ". ci/lib.sh",
        "sed -i \"s/%VERSION%/$V/g; s/%IMAGE_TAG%/$T/g\" x.yml",
        "crane export $IMAGE x.tar",
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
        ". ci/env.sh; docker compose up -d",
        "f() { docker run x; }; export DOCKER_HOST=ssh://prod; f",
        "if true; then export DOCKER_HOST=ssh://prod; fi; docker run x",
        "if true; then docker context use prod; else docker context use default; fi; docker run x",
        "sh ci/dc.sh; DOCKER_HOST=ssh://prod sh ci/dc.sh",
        "docker -H tcp://mydocker:2375 run x",
    ];
    assert_eq!(lines.into_iter().filter(|line| !found(line)).collect::<Vec<_>>(), Vec::<&str>::new());
    let lines = [
        "docker -H tcp://docker:2375 run -d app",
        "docker -H tcp://web:2375 run -d app",
        "export DOCKER_HOST=\"${DOCKER_HOST:-tcp://docker:2375}\"; docker build .",
        "export DOCKER_HOST=unix:///run/user/$(id -u)/docker.sock; docker build .",
        "export DOCKER_HOST=\"tcp://$(hostname -i):2375\"; docker build .",
        "docker context use rootless; docker build .",
        "docker -H ssh://x service ls; docker -H ssh://x save a -o b",
        "export DOCKER_HOST=ssh://x; unset DOCKER_HOST; docker run x",
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
    assert_eq!(own("skopeo copy docker://a docker://example.com/b"), [false]);
    assert_eq!(own("skopeo sync --src docker --dest docker a example.com"), [false]);
    assert_eq!(own("docker $COMMAND org/a"), [false]);
    let lines = [
        "docker compose pull $SERVICE",
        "docker compose $OPTIONS up -d",
        "docker builder create",
        "skopeo copy docker://a docker-archive:b.tar",
        "skopeo copy docker://a oci:b",
        "buildah push a oci-archive:b",
        "podman push a dir:b",
        "skopeo sync --src docker --dest dir a b",
        "crane export $IMAGE x.tar",
    ];
    assert_eq!(lines.into_iter().filter(|line| !own(line).is_empty()).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn what_feeds_or_runs_itself_comes_to_an_end() {
    let many = |line: &str, times: usize| line.repeat(times);
    let lines = [
        format!("bundle exec {}", many("bundle1 ", 60)),
        format!("docker run {}", many("docker1 run ", 30)),
        "`\\\\';sh -c \"$X\";sh<< `".to_owned(),
        "X=`sh -c \"$A\"; sh -c \"$B\"; sh -c \"$C\"; echo \\$x`".to_owned(),
        many("echo 'sh x.sh' > x.sh; sh x.sh\n", 200),
        many("echo true >> x.sh; sh x.sh\n", 200),
        many("docker context create a; sh <<< :\n", 2_000),
    ];
    assert_eq!(lines.iter().filter(|line| found(line)).collect::<Vec<_>>(), Vec::<&String>::new());
    // What is too much to be looked at is not taken for harmless.
    assert!(found(&many("echo true >> x.sh; sh x.sh\n", 2_000)));
    assert!(found(&many("sh <<A\n", 10)));
}
