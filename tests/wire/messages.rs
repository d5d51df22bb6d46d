//! The messages of BuildKit, of its sessions and of Depot's API as structs, with the fields that are read or answered here and no others; a reader of Protocol
//! Buffers passes over the rest. Numbers are those of BuildKit's `control.proto`, `gateway.proto`, `worker.proto` and `caps.proto`, of fsutil's `wire.proto`, and of
//! Depot's `build.proto` and `buildkit.proto`.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Empty {}

/// What a client asks to be built.
#[derive(Clone, PartialEq, Message)]
pub struct SolveRequest {
    #[prost(string, tag = "1")]
    pub reference: String,
    #[prost(string, tag = "3")]
    pub old_exporter: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub old_exporter_attrs: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub session: String,
    #[prost(string, tag = "6")]
    pub frontend: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub frontend_attrs: BTreeMap<String, String>,
    #[prost(message, optional, tag = "8")]
    pub cache: Option<Cache>,
    #[prost(string, repeated, tag = "9")]
    pub entitlements: Vec<String>,
    #[prost(message, repeated, tag = "13")]
    pub exporters: Vec<Part>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Cache {
    #[prost(message, repeated, tag = "4")]
    pub exports: Vec<Part>,
    #[prost(message, repeated, tag = "5")]
    pub imports: Vec<Part>,
}

/// An exporter, or a cache.
#[derive(Clone, PartialEq, Message)]
pub struct Part {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub attrs: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SolveResponse {
    #[prost(btree_map = "string, string", tag = "1")]
    pub exporter: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct StatusRequest {
    #[prost(string, tag = "1")]
    pub reference: String,
}

/// A piece of a stream within a stream.
#[derive(Clone, PartialEq, Message)]
pub struct BytesMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ListWorkersResponse {
    #[prost(message, repeated, tag = "1")]
    pub workers: Vec<Worker>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Worker {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(message, repeated, tag = "3")]
    pub platforms: Vec<Platform>,
    #[prost(message, optional, tag = "5")]
    pub version: Option<Version>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Platform {
    #[prost(string, tag = "1")]
    pub architecture: String,
    #[prost(string, tag = "2")]
    pub os: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Version {
    #[prost(string, tag = "1")]
    pub package: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(string, tag = "3")]
    pub revision: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    pub version: Option<Version>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Pong {
    #[prost(message, repeated, tag = "1")]
    pub frontend_capabilities: Vec<Capability>,
    #[prost(message, repeated, tag = "2")]
    pub llb_capabilities: Vec<Capability>,
    #[prost(message, repeated, tag = "3")]
    pub workers: Vec<Worker>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Capability {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
}

/// What a client asks its frontend within a build.
#[derive(Clone, PartialEq, Message)]
pub struct FrontendRequest {
    #[prost(string, tag = "2")]
    pub frontend: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct FrontendResponse {
    #[prost(message, optional, tag = "3")]
    pub result: Option<FrontendResult>,
}

#[derive(Clone, PartialEq, Message)]
pub struct FrontendResult {
    #[prost(message, optional, tag = "3")]
    pub reference: Option<Reference>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Reference {
    #[prost(string, tag = "1")]
    pub id: String,
}

/// One step of a folder's way from a client: `kind` 0 an entry (none: no more), 3 the end.
#[derive(Clone, PartialEq, Message)]
pub struct Packet {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub entry: Option<Entry>,
}

impl Packet {
    pub const ENTRY: i32 = 0;
    pub const END: i32 = 3;
}

#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub path: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct SecretRequest {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct SecretResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AgentRequest {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct CreateBuildRequest {
    #[prost(string, optional, tag = "1")]
    pub project: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CreateBuildResponse {
    #[prost(string, tag = "1")]
    pub build: String,
    #[prost(string, tag = "2")]
    pub token: String,
    #[prost(string, tag = "5")]
    pub url: String,
    #[prost(string, tag = "6")]
    pub project: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConnectionResponse {
    #[prost(message, optional, tag = "2")]
    pub active: Option<Connection>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Connection {
    #[prost(string, tag = "1")]
    pub endpoint: String,
    #[prost(string, tag = "2")]
    pub server_name: String,
}
