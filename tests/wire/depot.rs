//! The part of Depot's API that a build needs, as the Depot CLI calls it (the Connect protocol): every build is welcome, and its BuildKit is the recording one.

use bytes::Bytes;
use http::StatusCode;
use prost::Message as _;

use crate::grpc::Call;
use crate::messages::{Connection, ConnectionResponse, CreateBuildRequest, CreateBuildResponse};

/// An empty message, and the end of a stream, in Connect's envelopes.
const EMPTY_STREAM: &[u8] = &[0, 0, 0, 0, 0, 2, 0, 0, 0, 2, b'{', b'}'];

/// Answers a call of the CLI, whose builds run on `port`.
pub async fn handle(mut call: Call, port: u16) {
    if call.headers.get("content-type").is_some_and(|value| value == "application/connect+proto") {
        return respond(call, "application/connect+proto", Bytes::from_static(EMPTY_STREAM));
    }
    let body = call.body.rest().await;
    let answer = match call.method() {
        "CreateBuild" => {
            let request = CreateBuildRequest::decode(body).unwrap_or_default();
            let project = request.project.unwrap_or_default();
            let url = format!("https://depot.dev/orgs/o/projects/{project}/builds/b");
            CreateBuildResponse { build: "b".to_owned(), token: "t".to_owned(), url, project }.encode_to_vec()
        }
        "GetBuildKitConnection" => {
            let active = Connection { endpoint: format!("tcp://127.0.0.1:{port}"), server_name: "localhost".to_owned() };
            ConnectionResponse { active: Some(active) }.encode_to_vec()
        }
        "FinishBuild" | "ReportBuildHealth" | "ReportTimings" | "ReportStatus" | "ReportBuildContext" => Vec::new(),
        _ => return call.fail(StatusCode::NOT_IMPLEMENTED),
    };
    respond(call, "application/proto", Bytes::from(answer));
}

fn respond(call: Call, content_type: &'static str, body: Bytes) {
    if let Some((_, mut answers)) = call.open(content_type) {
        answers.raw(body);
        answers.close();
    }
}
