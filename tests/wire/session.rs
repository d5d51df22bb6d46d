//! A client's session, which is a connection of gRPC within a stream → what the client would hand over: secrets, SSH agents, and the entries of folders.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::grpc::{Answers, Body, Call, Client};
use crate::messages::{AgentRequest, BytesMessage, Empty, Packet, SecretRequest, SecretResponse};

const METHOD: &str = "x-docker-expose-session-grpc-method";
const NAME: &str = "x-docker-expose-session-uuid";
const BUFFER: usize = 64 * 1024;

/// The way back to a client while it builds.
#[derive(Clone)]
pub struct Session {
    /// The methods that it says it has.
    methods: BTreeSet<String>,
    client: Client,
}

/// What was in a session.
#[derive(Default)]
pub struct Attached {
    /// By id, the text that it stands for.
    pub secrets: BTreeMap<String, String>,
    pub agents: BTreeSet<String>,
    /// By the name in the request, the paths of a folder's entries.
    pub folders: BTreeMap<String, Vec<String>>,
}

impl Session {
    /// Turns the call that carries a session round, so that it can be asked; with its name.
    pub async fn accept(call: Call) -> Option<(String, Self)> {
        let texts =
            |name: &str| call.headers.get_all(name).iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect::<Vec<_>>();
        let name = texts(NAME).into_iter().next()?;
        let methods = texts(METHOD).into_iter().collect();
        let (body, answers) = call.open("application/grpc")?;
        let (near, far) = tokio::io::duplex(BUFFER);
        let (from_us, to_us) = tokio::io::split(far);
        tokio::spawn(inwards(body, to_us));
        tokio::spawn(outwards(from_us, answers));
        Some((name, Self { methods, client: Client::over(near).await? }))
    }

    /// Asks for the secrets and agents with one of `ids`, and for `folders`.
    pub async fn attached(&self, ids: &BTreeSet<String>, folders: &BTreeSet<String>) -> Attached {
        let mut attached = Attached::default();
        for id in ids {
            if let Some(answer) =
                self.call::<SecretResponse>("/moby.buildkit.secrets.v1.Secrets/GetSecret", &SecretRequest { id: id.clone() }).await
            {
                attached.secrets.insert(id.clone(), String::from_utf8_lossy(&answer.data).into_owned());
            }
            if self.call::<Empty>("/moby.sshforward.v1.SSH/CheckAgent", &AgentRequest { id: id.clone() }).await.is_some() {
                attached.agents.insert(id.clone());
            }
        }
        for folder in folders {
            if let Some(paths) = self.entries(folder).await {
                attached.folders.insert(folder.clone(), paths);
            }
        }
        attached
    }

    async fn call<M: prost::Message + Default>(&self, path: &str, message: &impl prost::Message) -> Option<M> {
        if self.methods.contains(path) { self.client.call(path, message).await } else { None }
    }

    /// The paths of a folder's entries, as the client sends them.
    async fn entries(&self, folder: &str) -> Option<Vec<String>> {
        let path = "/moby.filesync.v1.FileSync/DiffCopy";
        if !self.methods.contains(path) {
            return None;
        }
        let (mut answers, mut body) = self.client.begin(path, &[("dir-name", folder)]).await?;
        let mut paths = Vec::new();
        while let Some(packet) = body.message::<Packet>().await.filter(|packet| packet.kind == Packet::ENTRY) {
            let Some(entry) = packet.entry else {
                answers.send(&Packet { kind: Packet::END, entry: None });
                while body.next().await.is_some() {}
                answers.close();
                return Some(paths);
            };
            paths.push(entry.path);
        }
        answers.close();
        None
    }
}

async fn inwards(mut body: Body, mut to: impl tokio::io::AsyncWrite + Unpin) {
    while let Some(message) = body.message::<BytesMessage>().await {
        if to.write_all(&message.data).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

async fn outwards(mut from: impl tokio::io::AsyncRead + Unpin, mut answers: Answers) {
    let mut buffer = vec![0; BUFFER / 2];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        answers.send(&BytesMessage { data: buffer[..length].to_vec() });
    }
    answers.end(0);
}
