//! A BuildKit that builds nothing: it takes every request, looks into the session that comes with it, writes both down and says that all went well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::grpc::Call;
use crate::messages::{
    Capability, Empty, FrontendRequest, FrontendResponse, FrontendResult, InfoResponse, ListWorkersResponse, Platform, Pong, Reference,
    SolveRequest, SolveResponse, StatusRequest, Version, Worker,
};
use crate::request::Request;
use crate::session::Session;

/// How long a request waits for the session that it names.
const PATIENCE: Duration = Duration::from_secs(20);
/// What clients want a BuildKit to be able to do before they ask for it.
const CAPABILITIES: &str = "source.image source.local source.git source.http exporter.image.attestations exporter.image.annotations \
    exporter.multiple exporter.session solve.exporters gateway.solve.base solve.base solve.inlinereturn resolveimage readfile return returnmap \
    gateway.inputs frontend.inputs stdin evaluate";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// What is known of the builds of one client.
#[derive(Clone, Default)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// Ids of secrets and agents to ask sessions for.
    ids: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
    requests: Vec<Request>,
    frontends: BTreeMap<String, String>,
    /// By the build's name: that its client has its result, and that it has ended.
    returned: BTreeMap<String, Arc<Notify>>,
    ended: BTreeMap<String, Arc<Notify>>,
}

impl Recorder {
    /// Forgets everything and looks out for `ids`.
    pub fn expect(&self, ids: BTreeSet<String>) {
        *self.state() = State { ids, ..State::default() };
    }

    /// What has been asked for since.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Answers a call of a client.
    pub async fn handle(self, call: Call) {
        match call.path.trim_start_matches("/moby.buildkit.v1.") {
            "Control/ListWorkers" => call.answer(&ListWorkersResponse { workers: vec![worker()] }),
            "Control/Info" => call.answer(&InfoResponse { version: Some(version()) }),
            "Control/Session" => {
                if let Some((name, session)) = Session::accept(call).await {
                    self.state().sessions.insert(name, session);
                    self.arrived.notify_waiters();
                }
            }
            "Control/Status" => self.status(call).await,
            "Control/Solve" => self.solve(call).await,
            "frontend.LLBBridge/Ping" => {
                let capabilities: Vec<Capability> =
                    CAPABILITIES.split_whitespace().map(|id| Capability { id: id.to_owned(), enabled: true }).collect();
                call.answer(&Pong { frontend_capabilities: capabilities.clone(), llb_capabilities: capabilities, workers: vec![worker()] });
            }
            "frontend.LLBBridge/Solve" => self.frontend(call).await,
            "frontend.LLBBridge/Return" => {
                let build = build(&call);
                call.answer(&Empty {});
                notify(&mut self.state().returned, &build).notify_one();
            }
            _ => call.refuse(UNIMPLEMENTED),
        }
    }

    async fn status(&self, mut call: Call) {
        let request: StatusRequest = call.message().await;
        let ended = notify(&mut self.state().ended, &request.reference);
        if let Some((_, mut answers)) = call.open("application/grpc") {
            ended.notified().await;
            answers.end(0);
        }
    }

    async fn solve(&self, mut call: Call) {
        let request: SolveRequest = call.message().await;
        let name = request.reference.clone();
        let with_frontend = !request.frontend.is_empty();
        let mut record = Request::from(request.clone());
        if record.is_of_a_build()
            && let Some(session) = self.session(&request.session).await
        {
            let ids = self.state().ids.clone();
            record.attach(session.attached(&ids, &record.folders()).await);
        }
        if !with_frontend {
            let returned = notify(&mut self.state().returned, &name);
            returned.notified().await;
        }
        {
            let mut state = self.state();
            if let Some(frontend) = state.frontends.get(&name) {
                record.frontend.clone_from(frontend);
            }
            state.requests.push(record);
        }
        let digests = ["containerimage.digest", "containerimage.config.digest"].map(|key| (key.to_owned(), DIGEST.to_owned()));
        call.answer(&SolveResponse { exporter: digests.into() });
        notify(&mut self.state().ended, &name).notify_one();
    }

    async fn frontend(&self, mut call: Call) {
        let build = build(&call);
        let request: FrontendRequest = call.message().await;
        self.state().frontends.insert(build, request.frontend);
        let result = FrontendResult { reference: Some(Reference { id: "result".to_owned() }) };
        call.answer(&FrontendResponse { result: Some(result) });
    }

    async fn session(&self, name: &str) -> Option<Session> {
        let found = async {
            loop {
                let arrived = self.arrived.notified();
                if let Some(session) = self.state().sessions.get(name) {
                    return session.clone();
                }
                arrived.await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }
}

const UNIMPLEMENTED: u8 = 12;

fn notify(of: &mut BTreeMap<String, Arc<Notify>>, build: &str) -> Arc<Notify> {
    of.entry(build.to_owned()).or_default().clone()
}

/// The build that a call to its frontend belongs to.
fn build(call: &Call) -> String {
    call.headers.get("buildkit-controlapi-buildid").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn worker() -> Worker {
    let platform = |architecture: &str| Platform { architecture: architecture.to_owned(), os: "linux".to_owned() };
    Worker { id: "worker".to_owned(), platforms: vec![platform("amd64"), platform("arm64")], version: Some(version()) }
}

fn version() -> Version {
    Version { package: "github.com/moby/buildkit".to_owned(), version: "v0.25.0".to_owned(), revision: "recorder".to_owned() }
}
