//! `--fetch-includes` against a server on loopback: what is asked for, what is done with each answer, and who sees the token.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{Folder, Ran};

/// What a server answers to a path.
#[derive(Clone)]
enum Answer {
    Text(u16, String),
    Redirect(String),
    /// So many bytes.
    Huge(usize),
    Nothing,
}

/// A server that answers by path, and notes each request's line with its tokens.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: &[(&str, Answer)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, Answer> = answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &answers, &log);
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answers: &BTreeMap<String, Answer>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let tokens: Vec<String> = lines.take_while(|line| !line.is_empty()).filter(|line| line.to_lowercase().contains("token")).collect();
    log.lock().unwrap().push(format!("{path} {}", tokens.join(" ").to_lowercase()).trim_end().to_owned());
    let head = |status: u16, length: usize, more: &str| {
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n")
    };
    let _ = match answers.get(&path).cloned().unwrap_or(Answer::Text(404, "{}".to_owned())) {
        Answer::Text(status, text) => stream.write_all((head(status, text.len(), "") + &text).as_bytes()),
        Answer::Redirect(to) => stream.write_all(head(302, 0, &format!("Location: {to}\r\n")).as_bytes()),
        Answer::Huge(bytes) => stream.write_all((head(200, bytes, "") + &"a".repeat(bytes)).as_bytes()),
        Answer::Nothing => {
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        }
    };
}

fn ok(text: &str) -> Answer {
    Answer::Text(200, text.to_owned())
}

const FILE: &str = "/api/v4/projects/group%2Ftemplates/repository/files/ci%2Fbuild.yml/raw?ref=v1";
const PROJECT: &str = "include: {project: group/templates, ref: v1, file: /ci/build.yml}\nown: {script: a}\n";

fn plan(folder: &Folder, server: &Server, more: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut arguments = vec!["plan", "--format", "json", "--includes", "mirror", "--fetch-includes"];
    arguments.extend(more);
    let mut all = vec![("CI_SERVER_URL", server.address.as_str())];
    all.extend(variables);
    folder.run_with(&arguments, &all, b"")
}

fn jobs(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    json["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
}

/// What is said of the first include that could not be read.
#[track_caller]
fn refusal(folder: &Folder, server: &Server, more: &[&str], variables: &[(&str, &str)]) -> String {
    let mut arguments = vec!["lint", "--format", "json", "--includes", "mirror", "--fetch-includes"];
    arguments.extend(more);
    let mut all = vec![("CI_SERVER_URL", server.address.as_str())];
    all.extend(variables);
    let ran = folder.run_with(&arguments, &all, b"");
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    let json = ran.json();
    let found = json["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == "CFG003");
    found.unwrap_or_else(|| panic!("{}", ran.stdout))["message"].as_str().unwrap().to_owned()
}

#[test]
fn files_of_projects_components_templates_and_addresses_are_fetched_once() {
    let other = Server::new(&[("/x.yml", ok("remote: {script: a}\n"))]);
    let server = Server::new(&[
        (FILE, ok("include: /ci/more.yml\nbuild: {script: a}\n")),
        ("/api/v4/projects/group%2Ftemplates/repository/files/ci%2Fmore.yml/raw?ref=v1", ok("more: {script: a}\n")),
        (
            "/api/v4/projects/group%2Fparts/releases?per_page=100",
            ok(r#"[{"tag_name": "1.2.9"}, {"tag_name": "1.10.0"}, {"tag_name": "2.0.0"}]"#),
        ),
        ("/api/v4/projects/group%2Fparts/repository/files/templates%2Fscan%2Ftemplate.yml/raw?ref=1.10.0", ok("scan: {script: a}\n")),
        ("/api/v4/templates/gitlab_ci_ymls/Jobs%2FSecret", ok(r#"{"name": "Secret", "content": "secret: {script: a}\n"}"#)),
    ]);
    let pipeline = format!(
        "include:\n  - {{project: group/templates, ref: v1, file: /ci/build.yml}}\n  - component: $CI_SERVER_FQDN/group/parts/scan@1\n  \
         - template: Jobs/Secret.gitlab-ci.yml\n  - remote: {}/x.yml\nown: {{script: a}}\n",
        other.address
    );
    let folder = Folder::new(&[(".gitlab-ci.yml", &pipeline)]);
    let token = [("GITLAB_TOKEN", "s3cret")];
    let ran = plan(&folder, &server, &[], &token);
    assert_eq!(jobs(&ran), ["more", "build", "scan", "secret", "remote", "own"], "{}", ran.stderr);
    assert!(server.asked().iter().all(|request| request.contains("private-token: s3cret")), "{:?}", server.asked());
    assert_eq!(other.asked(), ["/x.yml"], "an address is asked without the token");
    let asked = server.asked().len();
    assert_eq!(jobs(&plan(&folder, &server, &[], &token)).len(), 6);
    // A component's first path is not there, and that is not kept.
    assert_eq!(server.asked().len() - asked, 1 + 1, "{:?}", &server.asked()[asked..]);
    // The folder alone is enough later.
    let offline = folder.run(&["plan", "--format", "json", "--includes", "mirror"]);
    assert_eq!(jobs(&offline).len(), 6);
}

#[test]
fn a_job_s_own_token_is_used_where_there_is_no_other() {
    let server = Server::new(&[(FILE, ok("build: {script: a}\n"))]);
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    assert_eq!(jobs(&plan(&folder, &server, &[], &[("CI_JOB_TOKEN", "j0b")])), ["build", "own"]);
    assert_eq!(server.asked(), [format!("{FILE} job-token: j0b")]);
}

#[test]
fn each_failure_is_told_at_the_include() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    for (answer, message) in [
        (Answer::Text(401, String::new()), "answers with 401: set `GITLAB_TOKEN`"),
        (Answer::Text(403, String::new()), "answers with 403: set `GITLAB_TOKEN`"),
        (Answer::Text(404, String::new()), "there is no such file, or it may not be read"),
        (Answer::Text(503, String::new()), "answers with 503"),
        (Answer::Redirect("nowhere".to_owned()), "redirects to nowhere"),
        (Answer::Huge((10 << 20) + 1), "has more than 10485760 bytes"),
    ] {
        let said = refusal(&folder, &Server::new(&[(FILE, answer)]), &[], &[]);
        assert!(said.contains(message), "{said} instead of {message}");
    }
    let said = refusal(&folder, &Server::new(&[(FILE, Answer::Text(401, String::new()))]), &[], &[("GITLAB_TOKEN", "s3cret")]);
    assert!(said.contains("the token in `GITLAB_TOKEN` may not read it") && !said.contains("s3cret"), "{said}");
    let said = refusal(&folder, &Server::new(&[(FILE, Answer::Nothing)]), &["--fetch-timeout", "1"], &[]);
    assert!(said.contains("did not answer within 1 s"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    // Nobody listens on the first port, which takes root.
    let server = Server { address: "http://127.0.0.1:1".to_owned(), asked: Arc::default() };
    assert!(refusal(&folder, &server, &[], &[]).contains("can't be read"));
}

#[test]
fn a_token_never_reaches_another_host() {
    let other = Server::new(&[("/stolen", ok("stolen: {script: a}\n"))]);
    let server = Server::new(&[(FILE, Answer::Redirect(format!("{}/stolen", other.address)))]);
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    let said = refusal(&folder, &server, &[], &[("GITLAB_TOKEN", "s3cret")]);
    assert!(said.contains("which must not see the token"), "{said}");
    assert!(other.asked().is_empty());
    // Without a token there is nothing to lose.
    assert_eq!(jobs(&plan(&folder, &server, &[], &[])), ["stolen", "own"]);
}

#[test]
fn a_token_is_not_sent_without_encryption() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    let server = Server { address: "http://gitlab.example".to_owned(), asked: Arc::default() };
    assert!(refusal(&folder, &server, &[], &[("GITLAB_TOKEN", "s3cret")]).contains("not sent to gitlab.example without encryption"));
}

#[test]
fn redirects_on_the_same_server_are_followed_but_not_for_ever() {
    let server = Server::new(&[(FILE, Answer::Redirect("/moved".to_owned())), ("/moved", ok("build: {script: a}\n"))]);
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    assert_eq!(jobs(&plan(&folder, &server, &[], &[("GITLAB_TOKEN", "t")])), ["build", "own"]);
    let circle = Server::new(&[(FILE, Answer::Redirect(FILE.to_owned()))]);
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    assert!(refusal(&folder, &circle, &[], &[]).contains("redirects more than 5 times"));
}

#[test]
fn a_wrong_checksum_and_a_changed_copy_are_refused() {
    let server = Server::new(&[("/x.yml", ok("x: {script: a}\n")), (FILE, ok("build: {script: a}\n"))]);
    let integrity = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let pipeline = format!("include: {{remote: '{}/x.yml', integrity: {integrity}}}\nown: {{script: a}}\n", server.address);
    let folder = Folder::new(&[(".gitlab-ci.yml", &pipeline)]);
    let ran = plan(&folder, &server, &[], &[]);
    assert!(ran.json()["reason"].as_str().unwrap().contains("another checksum"), "{}", ran.stdout);

    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT)]);
    assert_eq!(jobs(&plan(&folder, &server, &[], &[])), ["build", "own"]);
    folder.write("mirror/project/group/templates/@v1/ci/build.yml", b"evil: {script: a}\n");
    assert!(refusal(&folder, &server, &[], &[]).contains("changed since it was fetched"));
}

#[test]
fn nothing_is_fetched_unless_it_is_asked_for() {
    let server = Server::new(&[(FILE, ok("build: {script: a}\n"))]);
    let folder = Folder::new(&[(".gitlab-ci.yml", PROJECT), ("mirror/README", "")]);
    let variables = [("CI_SERVER_URL", server.address.as_str()), ("GITLAB_TOKEN", "t")];
    for command in ["lint", "plan", "expand", "inspect"] {
        folder.run_with(&[command, "--includes", "mirror"], &variables, b"");
    }
    assert!(server.asked().is_empty());
}
