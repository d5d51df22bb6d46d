//! HTTP/2 connections into calls of gRPC, and calls into messages, for servers and clients. It knows no service.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// A call that waits for its answer.
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Body,
    respond: SendResponse<Bytes>,
}

impl Call {
    /// The last word of the path: the method.
    pub fn method(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Answers with a head alone, and gives what comes in with what goes out.
    pub fn open(mut self, content_type: &'static str) -> Option<(Body, Answers)> {
        let mut head = Response::new(());
        head.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
        let stream = self.respond.send_response(head, false).ok()?;
        Some((self.body, Answers { stream }))
    }

    /// The only message of the call, or its default where it can't be read.
    pub async fn message<M: Message + Default>(&mut self) -> M {
        self.body.message().await.unwrap_or_default()
    }

    /// Answers with one message.
    pub fn answer(self, message: &impl Message) {
        if let Some((_, mut answers)) = self.open("application/grpc") {
            answers.send(message);
            answers.end(0);
        }
    }

    /// Answers with nothing but a status of HTTP.
    pub fn fail(mut self, status: http::StatusCode) {
        let mut head = Response::new(());
        *head.status_mut() = status;
        let _ = self.respond.send_response(head, true);
    }

    /// Answers with nothing but a status of gRPC.
    pub fn refuse(self, status: u8) {
        if let Some((_, mut answers)) = self.open("application/grpc") {
            answers.end(status);
        }
    }
}

/// What one side of a call sends.
pub struct Body {
    stream: RecvStream,
    buffer: BytesMut,
}

impl Body {
    fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next message as it was sent; none at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(mut head) = self.buffer.get(..5) {
                let _compressed = head.get_u8();
                let length = head.get_u32() as usize;
                if self.buffer.len() >= 5 + length {
                    self.buffer.advance(5);
                    return Some(self.buffer.split_to(length).freeze());
                }
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The next message.
    pub async fn message<M: Message + Default>(&mut self) -> Option<M> {
        M::decode(self.next().await?).ok()
    }

    /// Everything up to the end.
    pub async fn rest(&mut self) -> Bytes {
        while self.read().await {}
        self.buffer.split().freeze()
    }

    async fn read(&mut self) -> bool {
        let Some(Ok(data)) = self.stream.data().await else { return false };
        let _ = self.stream.flow_control().release_capacity(data.len());
        self.buffer.extend_from_slice(&data);
        true
    }
}

/// Where one side of a call sends to.
pub struct Answers {
    stream: SendStream<Bytes>,
}

impl Answers {
    pub fn send(&mut self, message: &impl Message) {
        self.raw(framed(message));
    }

    pub fn raw(&mut self, bytes: Bytes) {
        let _ = self.stream.send_data(bytes, false);
    }

    /// Ends a server's side with a status of gRPC.
    pub fn end(&mut self, status: u8) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(u16::from(status)));
        let _ = self.stream.send_trailers(trailers);
    }

    /// Ends a side without more words.
    pub fn close(&mut self) {
        let _ = self.stream.send_data(Bytes::new(), true);
    }
}

fn framed(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let mut frame = BytesMut::with_capacity(5 + encoded.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(encoded.len()).expect("messages here are short"));
    frame.extend_from_slice(&encoded);
    frame.freeze()
}

/// Gives each call that comes in at `listener` to `handle`, for ever.
pub async fn serve<H, F>(listener: TcpListener, handle: H)
where
    H: Fn(Call) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    while let Ok((socket, _)) = listener.accept().await {
        let handle = handle.clone();
        // Answers are a few bytes each, and clients wait for them.
        let _ = socket.set_nodelay(true);
        tokio::spawn(async move {
            let Ok(mut connection) = h2::server::handshake(socket).await else { return };
            while let Some(Ok((request, respond))) = connection.accept().await {
                let (head, body) = request.into_parts();
                let path = head.uri.path().to_owned();
                tokio::spawn(handle(Call { path, headers: head.headers, body: Body::new(body), respond }));
            }
        });
    }
}

/// A client of gRPC at the other end of a stream of bytes.
#[derive(Clone)]
pub struct Client {
    requests: h2::client::SendRequest<Bytes>,
}

impl Client {
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Option<Self> {
        let (requests, connection) = h2::client::handshake(stream).await.ok()?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Some(Self { requests })
    }

    /// Begins a call of `path` with `metadata`; none where the other side refuses it.
    pub async fn begin(&self, path: &str, metadata: &[(&'static str, &str)]) -> Option<(Answers, Body)> {
        let (answers, response) = self.send(path, metadata).await?;
        let response = response.await.ok()?;
        (!response.headers().contains_key("grpc-status")).then(|| (answers, Body::new(response.into_body())))
    }

    /// Calls `path` with one message; none where the answer is an error.
    pub async fn call<M: Message + Default>(&self, path: &str, message: &impl Message) -> Option<M> {
        let (mut answers, response) = self.send(path, &[]).await?;
        answers.send(message);
        answers.close();
        Body::new(response.await.ok()?.into_body()).message().await
    }

    async fn send(&self, path: &str, metadata: &[(&'static str, &str)]) -> Option<(Answers, h2::client::ResponseFuture)> {
        let mut request =
            Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc").header("te", "trailers");
        for (name, value) in metadata {
            request = request.header(*name, *value);
        }
        let mut ready = self.requests.clone().ready().await.ok()?;
        let (response, stream) = ready.send_request(request.body(()).ok()?, false).ok()?;
        Some((Answers { stream }, response))
    }
}
